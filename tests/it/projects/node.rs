//! TypeScript monorepos as npm workspaces.

use super::knowing::{Bug, Project};

// Compiled before it is tested, so that what the compiler refuses is in the way of the tests too.

const BOARD_CI: &str = "\
name: CI
on:
  push:
  pull_request:
env:
  CI: 'true'
jobs:
  lint:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: actions/setup-node@v5
        with:
          node-version: 20
          cache: npm
      - run: npm ci
      - run: npm run format:check
  types:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: actions/setup-node@v5
        with:
          node-version: 20
          cache: npm
      - run: npm ci
      - run: npm run build
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: actions/setup-node@v5
        with:
          node-version: 20
          cache: npm
      - run: npm ci
      - name: Build
        run: npm run build
      - name: Test
        run: npm test --silent
  generated:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - run: node tools/gen.mjs && git diff --exit-code
  all-green:
    if: always()
    needs: [lint, types, test, generated]
    runs-on: ubuntu-latest
    steps:
      - run: exit 1
        if: ${{ contains(needs.*.result, 'failure') || contains(needs.*.result, 'cancelled') }}
";

const BOARD_PACKAGE: &str = r#"{
  "name": "board",
  "private": true,
  "type": "module",
  "workspaces": ["packages/core", "packages/app"],
  "scripts": {
    "build": "tsc -b packages/core packages/app",
    "format:check": "prettier --check packages",
    "test": "node --test --test-reporter=dot packages/core/dist packages/app/dist"
  },
  "devDependencies": {
    "@types/node": "20.19.0",
    "prettier": "3.6.2",
    "typescript": "5.9.3"
  }
}
"#;

const BOARD_LOCK: &str = r#"{
  "name": "board",
  "lockfileVersion": 3,
  "requires": true,
  "packages": {
    "": {
      "name": "board",
      "workspaces": ["packages/core", "packages/app"],
      "devDependencies": { "@types/node": "20.19.0", "prettier": "3.6.2", "typescript": "5.9.3" }
    },
    "node_modules/@board/app": { "resolved": "packages/app", "link": true },
    "node_modules/@board/core": { "resolved": "packages/core", "link": true },
    "node_modules/@types/node": {
      "version": "20.19.0",
      "resolved": "https://registry.npmjs.org/@types/node/-/node-20.19.0.tgz",
      "integrity": "sha512-hfrc+1tud1xcdVTABC2JiomZJEklMcXYNTVtZLAeqTVWD+qL5jkHKT+1lOtqDdGxt+mB53DTtiz673vfjU8D1Q==",
      "dev": true,
      "dependencies": { "undici-types": "~6.21.0" }
    },
    "node_modules/prettier": {
      "version": "3.6.2",
      "resolved": "https://registry.npmjs.org/prettier/-/prettier-3.6.2.tgz",
      "integrity": "sha512-I7AIg5boAr5R0FFtJ6rCfD+LFsWHp81dolrFD8S79U9tb8Az2nGrJncnMSnys+bpQJfRUzqs9hnA81OAA3hCuQ==",
      "dev": true,
      "bin": { "prettier": "bin/prettier.cjs" }
    },
    "node_modules/typescript": {
      "version": "5.9.3",
      "resolved": "https://registry.npmjs.org/typescript/-/typescript-5.9.3.tgz",
      "integrity": "sha512-jl1vZzPDinLr9eUt3J/t7V6FgNEw9QjvBPdysz9KfQDD41fQrC2Y4vKQdiaUpFT4bXlb1RHhLpp8wtm6M5TgSw==",
      "dev": true,
      "bin": { "tsc": "bin/tsc", "tsserver": "bin/tsserver" }
    },
    "node_modules/undici-types": {
      "version": "6.21.0",
      "resolved": "https://registry.npmjs.org/undici-types/-/undici-types-6.21.0.tgz",
      "integrity": "sha512-iwDZqg0QAGrg9Rav5H4n0M64c3mkR59cJ6wQp+7C4nI0gsmExaedaYLNO44eT4AtBBwjbTiGPMlt2Md0T9H9JQ==",
      "dev": true
    },
    "packages/app": {
      "name": "@board/app",
      "version": "1.0.0",
      "dependencies": { "@board/core": "1.0.0" }
    },
    "packages/core": { "name": "@board/core", "version": "1.0.0" }
  }
}
"#;

const BOARD_CORE_PACKAGE: &str = r#"{
  "name": "@board/core",
  "version": "1.0.0",
  "type": "module",
  "main": "dist/index.js",
  "types": "dist/index.d.ts"
}
"#;

const BOARD_APP_PACKAGE: &str = r#"{
  "name": "@board/app",
  "version": "1.0.0",
  "private": true,
  "type": "module",
  "dependencies": {
    "@board/core": "1.0.0"
  }
}
"#;

const BOARD_TSCONFIG: &str = r#"{
  "compilerOptions": {
    "composite": true,
    "strict": true,
    "noEmitOnError": true,
    "target": "es2022",
    "module": "nodenext",
    "types": ["node"]
  }
}
"#;

const BOARD_CORE_TSCONFIG: &str = r#"{
  "extends": "../../tsconfig.base.json",
  "compilerOptions": { "rootDir": "src", "outDir": "dist" },
  "include": ["src"]
}
"#;

const BOARD_APP_TSCONFIG: &str = r#"{
  "extends": "../../tsconfig.base.json",
  "compilerOptions": { "rootDir": "src", "outDir": "dist" },
  "include": ["src"],
  "references": [{ "path": "../core" }]
}
"#;

const BOARD_GEN: &str = r#"// Writes the names of columns.
import { readFileSync, writeFileSync } from "node:fs";

const here = (path) => new URL(path, import.meta.url);
const names = JSON.parse(readFileSync(here("columns.json"), "utf8"));
const list = names.map((name) => JSON.stringify(name)).join(", ");
const text = `// Generated by tools/gen.mjs.\nexport const COLUMNS = [${list}] as const;\n`;
writeFileSync(here("../packages/core/src/columns.ts"), text);
"#;

const BOARD_COLUMNS: &str = r#"// Generated by tools/gen.mjs.
export const COLUMNS = ["todo", "doing", "done"] as const;
"#;

const BOARD_CORE: &str = r#"import { COLUMNS } from "./columns.js";

export type Column = (typeof COLUMNS)[number];

export interface Card {
  title: string;
  column: Column;
  hours: number;
}

export function move(card: Card, steps: number): Card {
  const at = COLUMNS.indexOf(card.column) + steps;
  const column = COLUMNS[Math.min(Math.max(at, 0), COLUMNS.length)];
  return { ...card, column: column };
}

export function hoursLeft(cards: Card[]): number {
  return cards
    .filter((card) => card.column !== "done")
    .reduce((sum, card) => sum + card.hours, 0);
}
"#;

const BOARD_CORE_TEST: &str = r#"import assert from "node:assert/strict";
import test from "node:test";
import { hoursLeft, move, type Card } from "./index.js";

const card: Card = { title: "paint", column: "doing", hours: 3 };

test("cards move by steps", () => {
  assert.equal(move(card, 1).column, "done");
  assert.equal(move(card, -1).column, "todo");
});

test("cards stay on the board", () => {
  assert.equal(move(card, 5).column, "done");
  assert.equal(move(card, -5).column, "todo");
});

test("what is done takes no more hours", () => {
  assert.equal(hoursLeft([card, move(card, 1)]), 3);
});
"#;

const BOARD_VIEW: &str = r#"import { type Card } from "@board/core";

export function line(card: Card): string {
    return `[${card.column}] ${card.title}`
}

export function view(cards: Card[]): string {
  return cards.map(line).join("\n");
}
"#;

const BOARD_APP: &str = r#"import { hoursLeft, type Card } from "@board/core";
import { view } from "./view.js";

export interface Summary {
  hours: number;
  text: string;
}

export function summary(cards: Card[]): Summary {
  return { hours: `${hoursLeft(cards)}`, text: view(cards) };
}
"#;

const BOARD_APP_TEST: &str = r#"import assert from "node:assert/strict";
import test from "node:test";
import { summary } from "./index.js";

test("a board is summed up", () => {
  const seen = summary([{ title: "paint", column: "doing", hours: 3 }]);
  assert.deepEqual(seen, { hours: 3, text: "[doing] paint" });
});
"#;

/// A file that is not formatted, a text where a number is asked for, and a limit that is off by one.
fn board() -> Project {
    const VIEW_FILE: &str = "packages/app/src/view.ts";
    Project {
        name: "node, compiled",
        files: vec![
            (".github/workflows/ci.yml", BOARD_CI),
            (".gitignore", "node_modules/\ndist/\n*.tsbuildinfo\n"),
            (".prettierignore", "dist/\n"),
            ("package.json", BOARD_PACKAGE),
            ("package-lock.json", BOARD_LOCK),
            ("tsconfig.base.json", BOARD_TSCONFIG),
            ("tools/gen.mjs", BOARD_GEN),
            ("tools/columns.json", "[\"todo\", \"doing\", \"done\"]\n"),
            ("packages/core/package.json", BOARD_CORE_PACKAGE),
            ("packages/core/tsconfig.json", BOARD_CORE_TSCONFIG),
            ("packages/core/src/columns.ts", BOARD_COLUMNS),
            ("packages/core/src/index.ts", BOARD_CORE),
            ("packages/core/src/index.test.ts", BOARD_CORE_TEST),
            ("packages/app/package.json", BOARD_APP_PACKAGE),
            ("packages/app/tsconfig.json", BOARD_APP_TSCONFIG),
            ("packages/app/src/index.ts", BOARD_APP),
            (VIEW_FILE, BOARD_VIEW),
            ("packages/app/src/index.test.ts", BOARD_APP_TEST),
        ],
        tidied: (
            VIEW_FILE,
            BOARD_VIEW.replace(
                "    return `[${card.column}] ${card.title}`",
                "  return `[${card.column}] ${card.title}`;",
            ),
        ),
        bugs: &[
            Bug {
                sign: "Type 'string' is not assignable to type 'number'",
                path: "packages/app/src/index.ts",
                wrong: "hours: `${hoursLeft(cards)}`,",
                right: "hours: hoursLeft(cards),",
            },
            Bug {
                sign: "cards stay on the board",
                path: "packages/core/src/index.ts",
                wrong: "Math.max(at, 0), COLUMNS.length)",
                right: "Math.max(at, 0), COLUMNS.length - 1)",
            },
        ],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compiled_workspace_heals() {
    board().heals().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes; others of its kind run always"]
async fn a_compiled_workspace_heals_in_part_without_a_model() {
    board().heals_in_part_without_a_model().await;
}

// JavaScript whose types stand in comments: linted, checked by the compiler, and run as it is.

const MAIL_CI: &str = "\
name: checks
on: [push, pull_request]
jobs:
  lint:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - run: npm ci --no-audit --no-fund
      - run: eslint packages --max-warnings 0
  types:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - run: npm ci --no-audit --no-fund
      - run: tsc --pretty false -p tsconfig.json
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - run: npm ci --no-audit --no-fund
      - name: Generated code is up to date
        run: npm run --silent gen && git diff --exit-code
      - name: Test
        run: node --test --test-reporter=dot packages
  all-green:
    if: always()
    needs: [lint, types, test]
    runs-on: ubuntu-latest
    steps:
      - run: |
          for result in ${{ join(needs.*.result, ' ') }}; do [ $result = success ] || exit 1; done
";

const MAIL_PACKAGE: &str = r#"{
  "name": "mail",
  "private": true,
  "type": "module",
  "workspaces": ["packages/core", "packages/app"],
  "scripts": { "gen": "node gen.mjs" }
}
"#;

const MAIL_LOCK: &str = r#"{
  "name": "mail",
  "lockfileVersion": 3,
  "requires": true,
  "packages": {
    "": { "name": "mail", "workspaces": ["packages/core", "packages/app"] },
    "node_modules/@mail/app": { "resolved": "packages/app", "link": true },
    "node_modules/@mail/core": { "resolved": "packages/core", "link": true },
    "packages/app": {
      "name": "@mail/app",
      "version": "1.0.0",
      "dependencies": { "@mail/core": "1.0.0" }
    },
    "packages/core": { "name": "@mail/core", "version": "1.0.0" }
  }
}
"#;

const MAIL_TSCONFIG: &str = r#"{
  "compilerOptions": {
    "allowJs": true,
    "checkJs": true,
    "noEmit": true,
    "strict": true,
    "target": "es2022",
    "module": "nodenext",
    "types": []
  },
  "include": ["packages/*/src/*.js"]
}
"#;

const MAIL_GEN: &str = r#"import { readFileSync, writeFileSync } from "node:fs";

const folders = readFileSync("folders.txt", "utf8").trim().split("\n");
const text = `// Generated by gen.mjs.\nexport const FOLDERS = ${JSON.stringify(folders)};\n`;
writeFileSync("packages/core/src/folders.js", text);
"#;

const MAIL_CORE: &str = r#"import { FOLDERS } from "./folders.js";

/** @typedef {{ from: string, subject: string, folder: string }} Letter */

/**
 * @param {string} line
 * @returns {Letter}
 */
export function parse(line) {
  const [from, subject, folder] = line.split("|").map((part) => part.trim());
  return { from, subject, folder: FOLDERS.includes(folder) ? folder : FOLDERS[1] };
}
"#;

const MAIL_CORE_TEST: &str = r#"import assert from "node:assert/strict";
import test from "node:test";
import { parse } from "../src/index.js";

test("a line is a letter", () => {
  assert.deepEqual(parse("ada | hi | sent"), { from: "ada", subject: "hi", folder: "sent" });
});

test("unknown folders are the inbox", () => {
  assert.equal(parse("ada | hi | nowhere").folder, "inbox");
});
"#;

const MAIL_APP: &str = r#"import { parse } from "@mail/core";

/**
 * @param {string[]} lines
 * @returns {string}
 */
export function count(lines) {
  const letters = lines.map(parse);
  return letters.length;
}
"#;

const MAIL_LIST: &str = r#"import { parse } from "@mail/core";

/**
 * @param {string[]} lines
 * @returns {string[]}
 */
export function subjects(lines) {
  let letters = lines.map(parse);
  return letters.map((letter) => letter.subject);
}
"#;

const MAIL_APP_TEST: &str = r#"import assert from "node:assert/strict";
import test from "node:test";
import { count } from "../src/index.js";
import { subjects } from "../src/list.js";

test("letters are counted", () => {
  assert.equal(count(["ada | hi | sent"]), 1);
});

test("subjects are listed", () => {
  assert.deepEqual(subjects(["ada | hi | sent"]), ["hi"]);
});
"#;

/// A variable that never changes, a type that another one was written for, and the wrong one of a list.
fn mail() -> Project {
    const LIST_FILE: &str = "packages/app/src/list.js";
    Project {
        name: "node, run in place",
        files: vec![
            (".github/workflows/ci.yml", MAIL_CI),
            (".gitignore", "node_modules/\n"),
            ("package.json", MAIL_PACKAGE),
            ("package-lock.json", MAIL_LOCK),
            ("tsconfig.json", MAIL_TSCONFIG),
            ("eslint.config.js", "export default [{ rules: { \"prefer-const\": \"error\" } }];\n"),
            ("gen.mjs", MAIL_GEN),
            ("folders.txt", "inbox\nsent\ntrash\n"),
            (
                "packages/core/package.json",
                "{ \"name\": \"@mail/core\", \"version\": \"1.0.0\", \"type\": \"module\", \"exports\": \"./src/index.js\" }\n",
            ),
            (
                "packages/core/src/folders.js",
                "// Generated by gen.mjs.\nexport const FOLDERS = [\"inbox\",\"sent\",\"trash\"];\n",
            ),
            ("packages/core/src/index.js", MAIL_CORE),
            ("packages/core/test/index.test.js", MAIL_CORE_TEST),
            (
                "packages/app/package.json",
                "{ \"name\": \"@mail/app\", \"version\": \"1.0.0\", \"type\": \"module\", \"dependencies\": { \"@mail/core\": \"1.0.0\" } }\n",
            ),
            ("packages/app/src/index.js", MAIL_APP),
            (LIST_FILE, MAIL_LIST),
            ("packages/app/test/index.test.js", MAIL_APP_TEST),
        ],
        tidied: (LIST_FILE, MAIL_LIST.replace("let letters", "const letters")),
        bugs: &[
            Bug {
                sign: "Type 'number' is not assignable to type 'string'",
                path: "packages/app/src/index.js",
                wrong: " * @returns {string}",
                right: " * @returns {number}",
            },
            Bug {
                sign: "unknown folders are the inbox",
                path: "packages/core/src/index.js",
                wrong: "folder : FOLDERS[1]",
                right: "folder : FOLDERS[0]",
            },
        ],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_run_in_place_heals() {
    mail().heals().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_run_in_place_heals_in_part_without_a_model() {
    mail().heals_in_part_without_a_model().await;
}
