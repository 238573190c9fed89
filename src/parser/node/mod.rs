//! Node and TypeScript: the runtime, tsc, test runners, linters, bundlers, package managers.
//!
//! Test runners come first: what stands inside their blocks is theirs, whatever else it looks like.

mod boxed;
mod bundlers;
mod coverage;
mod eslint;
mod frames;
mod hints;
mod jest;
mod message;
mod mocha;
mod node_test;
mod packages;
mod prettier;
mod runners;
mod tap;
mod tree;
mod tsc;
mod uncaught;
mod uvu;
mod vitest;

use super::registry::{Tool, ToolParser};

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
    Tool { name: "webpack", triggers: bundlers::WEBPACK, new: new::<bundlers::Webpack> },
    Tool { name: "esbuild", triggers: bundlers::ESBUILD, new: new::<bundlers::Esbuild> },
    Tool { name: "rollup", triggers: bundlers::ROLLUP, new: new::<bundlers::Rollup> },
    Tool { name: "vite", triggers: bundlers::VITE, new: new::<bundlers::Vite> },
    Tool { name: "parcel", triggers: bundlers::PARCEL, new: new::<bundlers::Parcel> },
    Tool { name: "tsc", triggers: tsc::TRIGGERS, new: new::<tsc::Tsc> },
    Tool { name: "eslint", triggers: eslint::ROWS, new: new::<eslint::Rows> },
    Tool { name: "standard", triggers: eslint::STANDARD, new: new::<eslint::Standard> },
    Tool { name: "tslint", triggers: eslint::TSLINT, new: new::<eslint::Rows> },
    Tool { name: "stylelint", triggers: eslint::STYLISH, new: new::<eslint::Stylish> },
    Tool { name: "biome", triggers: boxed::BIOME, new: new::<boxed::Biome> },
    Tool { name: "oxlint", triggers: boxed::OXLINT, new: new::<boxed::Oxlint> },
    Tool { name: "prettier", triggers: prettier::TRIGGERS, new: new::<prettier::Prettier> },
    Tool { name: "node", triggers: uncaught::TRIGGERS, new: new::<uncaught::Uncaught> },
    Tool { name: "npm", triggers: packages::NPM, new: new::<packages::Npm> },
    Tool { name: "yarn", triggers: packages::YARN, new: new::<packages::Yarn> },
    Tool { name: "pnpm", triggers: packages::PNPM, new: new::<packages::Pnpm> },
];

fn new<P: ToolParser + Default + 'static>(_: &str) -> Box<dyn ToolParser> {
    Box::new(P::default())
}
