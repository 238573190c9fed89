//! Java and Kotlin: compilers, Maven, Gradle, test runners.

mod gradle;
mod javac;
mod junit;
pub(super) mod kotlin;
mod maven;
mod stack;
mod surefire;
#[cfg(test)]
mod tests;

use super::registry::Tool;

/// In order of precedence.
pub(super) const TOOLS: &[Tool] = &[
    surefire::SUREFIRE,
    maven::CHECKSTYLE,
    maven::MAVEN,
    javac::JAVAC,
    gradle::GRADLE,
    junit::JUNIT,
    junit::TESTNG,
    stack::JAVA,
];
