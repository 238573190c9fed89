//! Source code as syntax trees: what a file is written in, whether two versions of it say the same, and which small
//! changes of a file change nothing that a test is about; and what a file holds (`outline`), broken or not. Bounded in size, time and depth; depends on the contract only.
//!
//! Every answer that allows something is given for what the trees prove. What cannot be parsed, is too large, or is in a
//! language without a grammar here is never called equal.

mod brackets;
mod calls;
mod canonical;
mod comments;
mod finding;
mod imports;
mod layout;
mod literals;
mod modules;
mod neutral;
mod outline;
mod queries;
mod reach;
mod resolve;
mod shared;
mod tree;

pub use calls::{both_sides, call_arguments};
pub use layout::{Sameness, same_syntax};
pub use modules::is_standard_python_module;
pub use neutral::{NeutralEdit, neutral_edits};
pub use outline::{
    Assertion, Attribute, Bytes, Definition, DefinitionKind, Import, ImportKind, ImportedName, Literal,
    LiteralKind, Outline, Reference, ReferenceKind, Test, TestKind, outline,
};
pub use reach::{
    Branch, Decides, Dropped, Equality, Held, How, Looks, Measured, Promise, Promised, Reading, Slot,
    SlotKind, Spelled, Term, Use, Value,
};
pub use resolve::{Place, Resolution, Resolver};
pub use shared::{is_generated, is_minified, shared_outline};
pub use tree::{Grammar, MAX_SOURCE_BYTES, ParseError, SyntaxTree, parse};
