//! Node and TypeScript: the runtime, tsc, test runners, linters, bundlers, package managers.
//!
//! Test runners come first: what stands inside their blocks is theirs, whatever else it looks like.

mod boxed;
mod bun;
mod bundlers;
mod coverage;
mod deno;
mod depcheck;
mod eslint;
mod frames;
mod hints;
mod jest;
mod jscpd;
mod knip;
mod message;
mod mocha;
mod node_test;
mod packages;
mod prettier;
mod publishing;
mod runners;
mod sass;
mod tap;
mod tree;
mod tsc;
mod uncaught;
mod uvu;
mod vitest;

use super::registry::{Tool, ToolParser, read_by_another};

/// The family's tools, in order of precedence.
pub(super) const TOOLS: &[Tool] = &[
    Tool { name: "jest", triggers: jest::TRIGGERS, new: new::<jest::Jest> },
    Tool { name: "vitest", triggers: vitest::TRIGGERS, new: new::<vitest::Vitest> },
    Tool { name: "mocha", triggers: mocha::TRIGGERS, new: new::<mocha::Mocha> },
    Tool { name: "playwright", triggers: runners::PLAYWRIGHT, new: new::<runners::Playwright> },
    Tool { name: "jasmine", triggers: runners::JASMINE, new: new::<runners::Jasmine> },
    Tool { name: "ava", triggers: runners::AVA, new: new::<runners::Ava> },
    Tool { name: "uvu", triggers: uvu::TRIGGERS, new: new::<uvu::Uvu> },
    Tool { name: "node-test", triggers: node_test::TRIGGERS, new: new::<node_test::NodeTest> },
    Tool { name: "tap", triggers: tap::TRIGGERS, new: new::<tap::Tap> },
    Tool { name: "nyc", triggers: coverage::TRIGGERS, new: new::<coverage::Coverage> },
    Tool { name: "bun", triggers: bun::TRIGGERS, new: new::<bun::Bun> },
    Tool { name: "deno", triggers: deno::TRIGGERS, new: new::<deno::Deno> },
    Tool { name: "webpack", triggers: bundlers::WEBPACK, new: new::<bundlers::Webpack> },
    Tool { name: "esbuild", triggers: bundlers::ESBUILD, new: new::<bundlers::Esbuild> },
    Tool { name: "rollup", triggers: bundlers::ROLLUP, new: new::<bundlers::Rollup> },
    Tool { name: "vite", triggers: bundlers::VITE, new: new::<bundlers::Vite> },
    Tool { name: "rolldown", triggers: bundlers::ROLLDOWN, new: new::<bundlers::Rolldown> },
    Tool { name: "parcel", triggers: bundlers::PARCEL, new: new::<bundlers::Parcel> },
    Tool { name: "tsc", triggers: tsc::TRIGGERS, new: new::<tsc::Tsc> },
    Tool { name: "eslint", triggers: eslint::ROWS, new: new::<eslint::Rows> },
    Tool { name: "standard", triggers: eslint::STANDARD, new: new::<eslint::Standard> },
    Tool { name: "tslint", triggers: eslint::TSLINT, new: new::<eslint::Rows> },
    super::other::headed::TSD,
    Tool { name: "stylelint", triggers: eslint::STYLISH, new: new::<eslint::Stylish> },
    Tool { name: "biome", triggers: boxed::BIOME, new: new::<boxed::Biome> },
    Tool { name: "oxlint", triggers: boxed::OXLINT, new: new::<boxed::Oxlint> },
    Tool { name: "publint", triggers: publishing::PUBLINT, new: new::<publishing::Publint> },
    Tool { name: "attw", triggers: publishing::ATTW, new: new::<publishing::Attw> },
    Tool { name: "depcheck", triggers: depcheck::TRIGGERS, new: new::<depcheck::Depcheck> },
    Tool { name: "sass", triggers: sass::TRIGGERS, new: new::<sass::Sass> },
    read_by_another("remark"),
    read_by_another("spectral"),
    Tool { name: "jscpd", triggers: jscpd::TRIGGERS, new: new::<jscpd::Jscpd> },
    Tool { name: "knip", triggers: knip::TRIGGERS, new: new::<knip::Knip> },
    Tool { name: "swc", triggers: boxed::SWC, new: new::<boxed::Swc> },
    read_by_another("babel"),
    Tool { name: "prettier", triggers: prettier::TRIGGERS, new: new::<prettier::Prettier> },
    Tool { name: "node", triggers: uncaught::TRIGGERS, new: new::<uncaught::Uncaught> },
    Tool { name: "npm", triggers: packages::NPM, new: new::<packages::Npm> },
    Tool { name: "yarn", triggers: packages::YARN, new: new::<packages::Yarn> },
    Tool { name: "pnpm", triggers: packages::PNPM, new: new::<packages::Pnpm> },
];

fn new<P: ToolParser + Default + 'static>(_: &str) -> Box<dyn ToolParser> {
    Box::new(P::default())
}
