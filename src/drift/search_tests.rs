use proptest::prelude::*;

use super::*;

/// Whether a set fails, by the numbers of its releases.
type Fails = dyn Fn(&BTreeMap<String, u32>) -> bool;

/// Packages with their releases by time, and which sets fail.
struct FakeWorld {
    releases: BTreeMap<Package, Vec<Release>>,
    fails: Box<Fails>,
}

impl FakeWorld {
    fn new(packages: &[(&str, &[i64])], fails: impl Fn(&BTreeMap<String, u32>) -> bool + 'static) -> Self {
        let releases = packages.iter().map(|(name, times)| {
            let of = |(at, time): (usize, &i64)| Release {
                version: format!("{}.0", at + 1),
                published: Time::from_unix(*time),
                is_withdrawn: false,
            };
            (Package::new("python", name), times.iter().enumerate().map(of).collect())
        });
        Self { releases: releases.collect(), fails: Box::new(fails) }
    }

    fn look(&self, until: Time) -> Answer {
        let mut resolved = Resolved::default();
        let mut numbers = BTreeMap::new();
        for (package, releases) in &self.releases {
            let Some(at) = releases.iter().rposition(|r| r.published < until) else { continue };
            resolved.versions.insert(package.clone(), BTreeSet::from([releases[at].version.clone()]));
            numbers.insert(package.name.clone(), at as u32 + 1);
        }
        let verdict = if (self.fails)(&numbers) { Verdict::Red } else { Verdict::Green };
        Answer { verdict, resolved }
    }

    /// The end of the search between 100 and 1000, and how many worlds it looked at.
    fn search(&self) -> (Ask, u32) {
        let (green, red) = (Time::from_unix(100), Time::from_unix(1000));
        let mut search = Search::new(
            (green, self.look(green).resolved),
            (red, self.look(red).resolved),
            Suspects::default(),
        );
        for looks in 0..64 {
            match search.next(&self.releases) {
                Ask::Look(at) => search.take(at, self.look(at)),
                end => return (end, looks),
            }
        }
        panic!("no end")
    }
}

fn found(ask: Ask) -> Found {
    match ask {
        Ask::Found(found) => found,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_release_is_found_among_others() {
    let world = FakeWorld::new(
        &[("a", &[1, 200, 300, 400]), ("b", &[1, 250, 350, 450, 550]), ("c", &[1, 500])],
        |set| set["b"] >= 3,
    );
    let (end, looks) = world.search();
    let found = found(end);
    assert_eq!(
        (found.package.name.as_str(), found.from.as_deref(), found.to.as_str()),
        ("b", Some("2.0"), "3.0")
    );
    assert!(found.with.is_empty() && looks <= 4, "{looks}");
}

#[test]
fn packages_that_were_published_at_once_are_named_together() {
    let world = FakeWorld::new(&[("a", &[1, 300]), ("b", &[1, 300]), ("c", &[1, 500])], |set| {
        set["a"] > 1 && set["b"] > 1
    });
    let found = found(world.search().0);
    assert_eq!(found.with.len(), 1);
}

#[test]
fn worlds_that_say_nothing_are_passed_by() {
    let world = FakeWorld::new(&[("a", &[1, 200, 300, 400, 500])], |set| set["a"] >= 5);
    let (green, red) = (Time::from_unix(100), Time::from_unix(1000));
    let mut search = Search::new(
        (green, world.look(green).resolved),
        (red, world.look(red).resolved),
        Suspects::default(),
    );
    let mut looks = 0;
    loop {
        match search.next(&world.releases) {
            Ask::Look(at) => {
                let mut answer = world.look(at);
                if at == Time::from_unix(400) {
                    answer.verdict = Verdict::Unclear;
                }
                search.take(at, answer);
            }
            Ask::Found(found) => break assert_eq!(found.to, "5.0"),
            Ask::Lost(why) => panic!("{why}"),
        }
        looks += 1;
        assert!(looks < 10);
    }
}

#[test]
fn suspects_are_named_by_the_log_the_command_or_the_frames() {
    let suspects = Suspects {
        log: "e   typeerror\n/usr/lib/python3/site-packages/jwt/api_jwt.py:119: subject must be a string"
            .to_owned(),
        script: "black --check .".to_owned(),
    };
    let weight = |name: &str, module: &str| {
        let package = Package::new("python", name);
        let modules = BTreeMap::from([(package.clone(), BTreeSet::from([module.to_owned()]))]);
        suspects.weight(&package, &Resolved { modules, ..Resolved::default() })
    };
    assert!(weight("PyJWT", "jwt") > weight("black", "black"));
    assert!(weight("black", "black") > weight("click", "click"));
    assert!(!holds_word("blackboard", "black") && holds_word("a black-box", "black"));
}

#[test]
fn what_a_failing_build_takes_is_suspect() {
    let cython = Package::new("python", "cython");
    let world = Resolved { in_builds: BTreeSet::from([cython.clone()]), ..Resolved::default() };
    let weight = |log: &str, world: &Resolved| {
        Suspects { log: log.to_owned(), script: String::new() }.weight(&cython, world)
    };
    let failed = "error: failed to build 'pyyaml' when getting requirements to build wheel";
    assert!(weight(failed, &world) > weight(failed, &Resolved::default()));
    assert!(weight("assert 1 == 2", &world) <= weight("", &Resolved::default()));
}

proptest! {
    /// Whatever the worlds are: what is named stands between a green world and a red one, which are neighbours but for it.
    #[test]
    fn what_is_found_is_a_border(
        times in prop::collection::vec(prop::collection::btree_set(101i64..999, 1..8), 1..8),
        bad in prop::collection::vec((0usize..8, 0u32..8, 0usize..8, 0u32..8), 1..6),
    ) {
        let names: Vec<String> = (0..times.len()).map(|n| format!("p{n}")).collect();
        let times: Vec<Vec<i64>> = times.iter().map(|t| std::iter::once(1).chain(t.iter().copied()).collect()).collect();
        let packages: Vec<(&str, &[i64])> = names.iter().map(String::as_str).zip(times.iter().map(Vec::as_slice)).collect();
        // It breaks with single releases, comes back with others, and with pairs that do not go together.
        let world = FakeWorld::new(&packages, move |set| {
            let is = |package: usize, number: u32| set.get(&format!("p{package}")).is_some_and(|v| *v == number + 2);
            bad.iter().any(|(p, a, q, b)| is(*p, *a) && (p % 2 == 0 || is(*q, *b)))
        });
        let (green, red) = (Time::from_unix(100), Time::from_unix(1000));
        if world.look(green).verdict == Verdict::Green && world.look(red).verdict == Verdict::Red {
            let (end, looks) = world.search();
            let found = found(end);
            prop_assert!(looks <= 10);
            let (before, after) = (world.look(found.published), world.look(found.published.plus(1)));
            prop_assert_eq!(before.verdict, Verdict::Green);
            prop_assert_eq!(after.verdict, Verdict::Red);
            prop_assert!(after.resolved.of(&found.package).unwrap().contains(&found.to));
            prop_assert_eq!(before.resolved.of(&found.package).and_then(|v| v.first()), found.from.as_ref());
        }
    }
}
