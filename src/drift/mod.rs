//! Which release broke an untouched repository: what a world of packages as of a date is made of, what was resolved in it,
//! and the search for the release. Pure, but for the registries' publish times.

mod cargo;
mod ecosystem;
mod pin;
mod python;
mod releases;
mod resolved;
mod search;
mod time;
mod version;

pub use ecosystem::{World, before_script, installers, installs_freely, preparation, read_back, travels};
pub use pin::{Hold, Pin, constrained_project, exactly, pin};
pub use python::stood_in;
pub use releases::{Registries, Release, Releases, Unknown, latest, out_of_order};
pub use resolved::{Difference, Package, Resolved};
pub use search::{Answer, Ask, Event, Found, Search, Suspects, Verdict, a_build_fails};
pub use time::Time;
