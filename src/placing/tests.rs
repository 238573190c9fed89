use super::*;

#[test]
fn manifests_name_their_packages() {
    assert_eq!(
        cargo_name("[workspace]\n[package]\nname = \"a-b\"\n[lib]\nname = \"x\"\n").as_deref(),
        Some("a-b")
    );
    assert_eq!(cargo_name("[workspace]\nmembers = []\n"), None);
    let pom = "<project><parent><artifactId>all</artifactId></parent><artifactId>core</artifactId></project>";
    assert_eq!(maven_name(pom).as_deref(), Some("core"));
    assert_eq!(json_name("{\"name\": 3}"), None);
}

#[test]
fn paths_never_leave_the_repository() {
    assert_eq!(join("a/b", "../c").as_deref(), Some("a/c"));
    assert_eq!(join("a", "../../c"), None);
    assert_eq!(join(".", "./a//b").as_deref(), Some("a/b"));
}
