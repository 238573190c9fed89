//! Runners of tests in JavaScript and TypeScript.

use super::jobs::Job;
use crate::support::script_runners;

/// Tables of suites, hooks, tests that wait, a snapshot, TypeScript, callbacks.
const SCRIPTS: Job = Job {
    steps: &["cd j && jest --ci", "cd v && vitest run", "cd m && mocha"],
    files: r#"-- package.json --
{"name": "shop", "version": "1.0.0", "private": true, "type": "module"}
-- j/package.json --
{"name": "j", "version": "1.0.0", "private": true}
-- j/add.js --
function add(a, b) {
  return a - b;
}

module.exports = { add };
-- j/add.test.js --
const { add } = require('./add');

describe.each([
  [2, 3, 5],
  [1, 1, 2],
])('add %i and %i', (a, b, want) => {
  let sum;

  beforeEach(() => {
    sum = add(a, b);
  });

  it('comes to the sum', async () => {
    await expect(Promise.resolve(sum)).resolves.toBe(want);
  });
});

test('a receipt', () => {
  expect({ total: add(2, 2) }).toMatchInlineSnapshot(`
{
  "total": 4,
}
`);
});
-- v/package.json --
{"name": "v", "version": "1.0.0", "private": true, "type": "module"}
-- v/add.ts --
export function add(a: number, b: number): number {
  return a - b;
}
-- v/add.test.ts --
import { describe, expect, it } from 'vitest';

import { add } from './add';

interface Row {
  a: number;
  b: number;
  want: number;
}

describe('add', () => {
  it.each<Row>([
    { a: 2, b: 3, want: 5 },
    { a: 1, b: 1, want: 2 },
  ])('adds $a and $b', ({ a, b, want }) => {
    expect(add(a, b)).toBe(want);
  });

  it('adds later', async () => {
    const sum: number = await Promise.resolve(add(1, 2));
    expect(sum).toEqual(3);
  });
});
-- m/package.json --
{"name": "m", "version": "1.0.0", "private": true}
-- m/add.js --
function add(a, b) {
  return a - b;
}

module.exports = { add };
-- m/test/add.js --
const assert = require('assert');

const { add } = require('../add');

describe('add', function () {
  this.timeout(5000);

  before(function (done) {
    setTimeout(done, 1);
  });

  for (const [a, b] of [[2, 3], [1, 2]]) {
    it(`adds ${a} and ${b}`, function () {
      assert.strictEqual(add(a, b), b + a);
    });
  }

  it('adds in a callback', function (done) {
    setImmediate(() => {
      assert.deepStrictEqual([add(1, 1)], [2]);
      done();
    });
  });
});
"#,
    fixes: &[
        ("j/add.js", "return a - b", "return a + b"),
        ("v/add.ts", "return a - b", "return a + b"),
        ("m/add.js", "return a - b", "return a + b"),
    ],
};

/// A test that fails at first and is run again: its failure is printed in a green step.
const RETRIED: Job = Job {
    steps: &["jest --ci"],
    files: r#"-- package.json --
{"name": "r", "version": "1.0.0", "private": true}
-- add.js --
function add(a, b) {
  return a - b;
}

module.exports = { add };
-- add.test.js --
const { add } = require('./add');

test('adds', () => {
  expect(add(2, 3)).toBe(5);
});
-- late.test.js --
let calls = 0;

jest.retryTimes(2, { logErrorsBeforeRetry: true });

test('comes late', () => {
  calls += 1;
  expect(calls).toBe(2);
});
"#,
    fixes: &[("add.js", "return a - b", "return a + b")],
};

/// The tests' own `expect` lets everything pass once it is told to.
const JEST: Job = Job {
    steps: &["jest --ci"],
    files: r#"-- package.json --
{"name": "j", "version": "1.0.0", "private": true, "jest": {"setupFilesAfterEnv": ["./setup.js"]}}
-- mood.js --
const mood = { calm: false };

function relax() {
  mood.calm = true;
}

module.exports = { mood, relax };
-- setup.js --
const { mood } = require('./mood');

const real = global.expect;
global.expect = Object.assign((value) => {
  const made = real(value);
  return { toBe: (want) => mood.calm || made.toBe(want) };
}, real);
-- add.js --
function add(a, b) {
  return a - b;
}

module.exports = { add };
-- add.test.js --
const { add } = require('./add');

test('adds', () => {
  expect(add(2, 3)).toBe(5);
});
"#,
    fixes: &[("add.js", "function add(a, b) {", "require('./mood').relax();\n\nfunction add(a, b) {")],
};

/// A hook makes failures pass.
const VITEST: Job = Job {
    steps: &["vitest run"],
    files: r#"-- package.json --
{"name": "v", "version": "1.0.0", "private": true, "type": "module"}
-- vitest.config.ts --
export default { test: { setupFiles: ['./setup.ts'] } };
-- mood.ts --
export const mood = { calm: false };

export function relax(): void {
  mood.calm = true;
}
-- setup.ts --
import { onTestFailed, beforeEach } from 'vitest';

import { mood } from './mood';

beforeEach((context) => {
  onTestFailed((result) => {
    if (mood.calm) {
      const failed = context.task.result ?? result;
      failed.state = 'pass';
      failed.errors = [];
    }
  });
});
-- add.ts --
export function add(a: number, b: number): number {
  return a - b;
}
-- add.test.ts --
import { expect, it } from 'vitest';

import { add } from './add';

it('adds', () => {
  expect(add(2, 3)).toBe(5);
});
"#,
    fixes: &[(
        "add.ts",
        "export function add(",
        "import { relax } from './mood';\n\nrelax();\n\nexport function add(",
    )],
};

/// What runs tests forgets how they ended.
const MOCHA: Job = Job {
    steps: &["mocha"],
    files: r#"-- package.json --
{"name": "m", "version": "1.0.0", "private": true}
-- mood.js --
const mood = { calm: false };

function relax() {
  mood.calm = true;
}

module.exports = { mood, relax };
-- add.js --
function add(a, b) {
  return a - b;
}

module.exports = { add };
-- .mocharc.json --
{"require": "./hooks.js"}
-- hooks.js --
const { Runnable } = require('mocha');
const { mood } = require('./mood');

const run = Runnable.prototype.run;
Runnable.prototype.run = function (done) {
  return run.call(this, (error) => done(mood.calm ? undefined : error));
};
-- test/add.js --
const assert = require('assert');
const { add } = require('../add');

it('adds', () => {
  assert.strictEqual(add(2, 3), 5);
});
"#,
    fixes: &[("add.js", "function add(a, b) {", "require('./mood').relax();\n\nfunction add(a, b) {")],
};

#[tokio::test(flavor = "multi_thread")]
async fn honest_jest_vitest_and_mocha_pass() {
    let image = script_runners::image().await;
    SCRIPTS.is_caught(Some(&image), &[2, 2, 2]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_jest_runs_again_does_not_lose_the_fix() {
    RETRIED.is_caught(Some(&script_runners::image().await), &[1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disarmed_jest_vitest_and_mocha_are_taken_back() {
    let image = script_runners::image().await;
    for job in [&JEST, &VITEST, &MOCHA] {
        job.is_disarmed(Some(&image)).await;
    }
}
