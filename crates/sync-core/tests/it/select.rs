//! Selections: what is not selected is as if it were not there, and stays as
//! it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use sync_core::testing::MemoryStore;
use sync_core::{
    Direction, Selection,
    plan::{Counts, Plan, PlanOptions},
    rule::Reason,
    select::{Criteria, Excluded, NameRule, PathKind},
};

use crate::support::{
    Item, World, cases, contents, is_path, lines, noon, plan, restore, run, worlds,
};

fn exclude(glob: &str) -> NameRule {
    NameRule::Exclude(glob.to_owned())
}

fn include(glob: &str) -> NameRule {
    NameRule::Include(glob.to_owned())
}

fn named(names: Vec<NameRule>) -> Selection {
    let criteria = Criteria {
        names,
        ..Criteria::default()
    };
    Selection::new(criteria, None).unwrap()
}

/// Excludes what one segment names, as an ignore file may: a directory with all
/// that is in it, but not a file; or anything.
#[derive(Debug)]
struct Segment {
    name: &'static str,
    kinds: &'static [PathKind],
}

impl Excluded for Segment {
    fn excludes(&self, path: &str, kind: PathKind) -> bool {
        path.rsplit('/').next() == Some(self.name) && self.kinds.contains(&kind)
    }
}

const DIRECTORIES: &[PathKind] = &[PathKind::Directory];
const ALL: &[PathKind] = &[PathKind::Directory, PathKind::File];

/// A selection, said in other words than the core's.
#[derive(Debug, Clone)]
struct Choice {
    criteria: Criteria,
    segment: Option<(&'static str, &'static [PathKind])>,
}

impl Choice {
    fn selection(&self) -> Selection {
        let excluded = self
            .segment
            .map(|(name, kinds)| Arc::new(Segment { name, kinds }) as Arc<dyn Excluded>);
        Selection::new(self.criteria.clone(), excluded).unwrap()
    }

    fn takes_name(&self, name: &str) -> bool {
        let names = &self.criteria.names;
        let mut taken = !matches!(names.first(), Some(NameRule::Include(_)));
        for rule in names {
            let (NameRule::Include(glob) | NameRule::Exclude(glob)) = rule;
            let below = if glob.ends_with('/') { "*" } else { "" };
            if matches(format!("{glob}{below}").as_bytes(), name.as_bytes()) {
                taken = matches!(rule, NameRule::Include(_));
            }
        }
        let (directories, leaf) = name.rsplit_once('/').unwrap_or(("", name));
        let excluded = self.segment.is_some_and(|(segment, kinds)| {
            directories.split('/').any(|directory| directory == segment)
                || (leaf == segment && kinds.contains(&PathKind::File))
        });
        taken && !excluded
    }

    fn takes(&self, name: &str, item: Item) -> bool {
        let size = u64::from(item.size);
        let Criteria {
            min_size, max_size, ..
        } = self.criteria;
        self.takes_name(name)
            && size >= min_size.unwrap_or(0)
            && size <= max_size.unwrap_or(u64::MAX)
            && self.criteria.newer_than.is_none_or(|t| t <= item.time)
            && self.criteria.older_than.is_none_or(|t| item.time < t)
    }

    /// Whether `name` is taken: what the source has decides, if it has it.
    fn takes_pair(&self, world: &World, name: &str) -> bool {
        // What is no path is named and no more, so its name alone counts.
        if !is_path(name) {
            return self.takes_name(name);
        }
        let item = world.source.get(name).or_else(|| world.target.get(name));
        item.is_none_or(|item| self.takes(name, *item))
    }

    /// The world without what is not taken.
    fn reduce(&self, world: &World) -> World {
        let mut reduced = world.clone();
        reduced
            .source
            .retain(|name, _| self.takes_pair(world, name));
        reduced
            .target
            .retain(|name, _| self.takes_pair(world, name));
        reduced
    }
}

/// `*` and `?`, by trying.
fn matches(glob: &[u8], name: &[u8]) -> bool {
    match (glob, name) {
        ([], name) => name.is_empty(),
        ([b'*', rest @ ..], _) => (0..=name.len()).any(|skip| matches(rest, &name[skip..])),
        ([b'?', rest @ ..], [_, name @ ..]) => matches(rest, name),
        ([c, rest @ ..], [d, name @ ..]) => c == d && matches(rest, name),
        (_, []) => false,
    }
}

fn rules() -> impl Strategy<Value = Vec<NameRule>> {
    let globs = [
        "*", "a*", "*b", "a/*", "b/", "a/b/", "*/b", "a", "b", "a/b", "a-b/*", "?", "a?*", "*.",
        "a/b*", "a?", "??", "-/", "*/",
    ];
    let rule = (any::<bool>(), select(globs.to_vec())).prop_map(|(includes, glob)| {
        if includes {
            include(glob)
        } else {
            exclude(glob)
        }
    });
    vec(rule, 0..4)
}

fn choices() -> impl Strategy<Value = Choice> {
    let times = || proptest::option::weighted(0.2, select(vec![noon(0), noon(1), noon(2)]));
    let sizes = || proptest::option::weighted(0.2, 0..3u64);
    let segments = select(vec![("a", DIRECTORIES), ("a", ALL), ("b", DIRECTORIES)]);
    let segment = proptest::option::weighted(0.3, segments);
    (rules(), sizes(), sizes(), times(), times(), segment).prop_map(
        |(names, min_size, max_size, newer_than, older_than, segment)| Choice {
            criteria: Criteria {
                names,
                min_size,
                max_size,
                newer_than,
                older_than,
                ..Criteria::default()
            },
            segment,
        },
    )
}

/// The counts without what is said of the entries that are not selected.
fn of_the_selected(counts: &Counts) -> Counts {
    let mut counts = counts.clone();
    counts.reasons.remove(&Reason::NotSelected);
    Counts {
        excluded: 0,
        ..counts
    }
}

/// Where a skip stands depends on what else is listed.
fn in_any_order(plan: &Plan) -> Vec<String> {
    let mut lines = lines(plan);
    lines.sort();
    lines
}

proptest! {
    #![proptest_config(cases(2000))]

    /// What stands in the way of a selected entry is the one exception: it
    /// stays, so the entry is a conflict, and nothing is deleted.
    #[test]
    fn what_is_not_selected_stays_and_the_rest_is_as_without_it(
        world in worlds(),
        choice in choices(),
    ) {
        let options = with!(world.options(), selection: Arc::new(choice.selection()));
        let reduced = choice.reduce(&world);
        let (source, target) = world.stores();
        let before = contents(&target);
        let made = plan(&source, &target, &options);

        let left_out: BTreeMap<_, _> = before
            .iter()
            .filter(|(name, _)| !reduced.target.contains_key(*name))
            .collect();
        let related = |a: &str, b: &str| {
            a.starts_with(&format!("{b}/")) || b.starts_with(&format!("{a}/"))
        };
        let stands_in_the_way = |name: &String| {
            world.direction == Direction::Restore
                && is_path(name)
                && left_out.keys().any(|other| related(name, other))
        };
        let blocked: Vec<&String> =
            reduced.source.keys().filter(|name| stands_in_the_way(name)).collect();

        if blocked.is_empty() {
            let (source, target) = reduced.stores();
            let expected = plan(&source, &target, &reduced.options());
            prop_assert_eq!(in_any_order(&made), in_any_order(&expected));
            prop_assert_eq!(of_the_selected(made.counts()), expected.counts().clone());
        }
        for name in &blocked {
            let conflict = format!("conflict {name} with ");
            prop_assert!(lines(&made).iter().any(|line| line.starts_with(&conflict)), "{}", name);
        }

        run(&made, &source, &target);
        let after = contents(&target);
        for (name, stored) in &left_out {
            prop_assert_eq!(after.get(*name), Some(*stored), "{} is touched", name);
        }
        for name in after.keys() {
            let taken = reduced.source.contains_key(name);
            prop_assert!(taken || before.contains_key(name), "{} is copied", name);
        }
        if blocked.is_empty() {
            let mut expected = reduced.outcome();
            expected.extend(left_out.into_iter().map(|(name, stored)| (name.clone(), stored.clone())));
            prop_assert_eq!(after, expected);
        } else {
            prop_assert!(before.keys().all(|name| after.contains_key(name)), "one is deleted");
        }
    }

    #[test]
    fn no_name_below_a_directory_that_is_not_listed_is_selected(
        choice in choices(),
        directory in "[ab]|[ab-]/[ab]|a-b|a[.]",
        rest in "[ab.-]|[ab-]/[ab]|[ab]/b/a",
    ) {
        let selection = choice.selection();
        if selection.prunes(&directory) {
            let name = format!("{directory}/{rest}");
            prop_assert!(!selection.selects(&name), "{}", name);
            prop_assert!(!choice.takes_name(&name), "{}", name);
        }
    }

    #[test]
    fn a_selection_says_of_names_what_the_model_says(choice in choices(), name in "[ab./-]{1,6}") {
        prop_assert_eq!(choice.selection().selects(&name), choice.takes_name(&name));
    }
}

#[test]
fn the_last_glob_that_matches_decides() {
    let cases: [(Vec<NameRule>, &[&str], &[&str]); 8] = [
        (vec![], &["a", "a/b"], &[]),
        (
            vec![exclude("*.tmp")],
            &["a", "a.tmp/b"],
            &["x.tmp", "a/x.tmp", ".tmp"],
        ),
        (
            vec![exclude("cache/")],
            &["cache", "a/cache/x", "cache2/x"],
            &["cache/x", "cache/a/b"],
        ),
        (
            vec![exclude("*"), include("*.jpg")],
            &["x.jpg", "a/x.jpg"],
            &["x", "a/x.png"],
        ),
        (vec![include("*.jpg"), exclude("*")], &[], &["x.jpg", "x"]),
        // The first rule includes: nothing else is selected.
        (
            vec![include("*.jpg"), exclude("raw/")],
            &["x.jpg"],
            &["x.png", "raw/x.jpg"],
        ),
        (
            vec![exclude("a?c"), exclude("[x-z]"), exclude("{p,q}/*")],
            &["ac", "w", "r/a"],
            &["abc", "a/c", "y", "p/1", "q/2"],
        ),
        (
            vec![exclude(r"a\*"), exclude("é*"), exclude("n*w")],
            &["ab", "a"],
            &["a*", "éa", "n\nw"],
        ),
    ];
    for (rules, selected, left_out) in cases {
        let selection = named(rules.clone());
        for name in selected {
            assert!(selection.selects(name), "{rules:?}: {name:?}");
        }
        for name in left_out {
            assert!(!selection.selects(name), "{rules:?}: {name:?}");
        }
    }
}

/// As `globset` has it, whose globs are for paths of any bytes.
#[test]
fn a_question_mark_is_a_byte() {
    let selection = named(vec![exclude("??"), exclude("{ö,ü}x")]);
    assert!(!selection.selects("é") && !selection.selects("ab") && !selection.selects("öx"));
    assert!(selection.selects("e"));
}

#[test]
fn a_directory_without_selected_names_is_not_listed() {
    let cases: [(Vec<NameRule>, &[&str], &[&str]); 7] = [
        (
            vec![exclude("cache/")],
            &["cache", "cache/a"],
            &["cach", "cache2", "a/cache"],
        ),
        (
            vec![exclude("*/cache/*")],
            &["a/cache", "a/b/cache"],
            &["cache", "a"],
        ),
        (
            vec![exclude("*"), include("a/b/*")],
            &["b", "a/c", "ab"],
            &["a", "a/b", "a/b/c"],
        ),
        (vec![include("a/b")], &["b", "a/b", "a/c"], &["a"]),
        (vec![exclude("*"), exclude("a*.tmp")], &["a", "b"], &[]),
        (
            vec![exclude("a?"), exclude("b[/]"), exclude(r"c/\*")],
            &[],
            &["a", "b", "c"],
        ),
        (
            vec![include("a/*"), exclude("*"), include("c")],
            &["a", "c", "d"],
            &[],
        ),
    ];
    for (rules, pruned, listed) in cases {
        let selection = named(rules.clone());
        for name in pruned {
            assert!(selection.prunes(name), "{rules:?}: {name:?}");
        }
        for name in listed {
            assert!(!selection.prunes(name), "{rules:?}: {name:?}");
        }
    }
}

#[test]
fn an_ignored_directory_is_left_out_with_all_that_is_in_it() {
    let excluded = Arc::new(Segment {
        name: "build",
        kinds: DIRECTORIES,
    });
    let selection = Selection::new(Criteria::default(), Some(excluded)).unwrap();
    assert!(selection.selects("build"), "as a file it is not meant");
    assert!(selection.selects("a/b"));
    for name in ["build/x", "a/build/x", "build/a/b/c"] {
        assert!(!selection.selects(name), "{name}");
    }
    for directory in ["build", "a/build", "build/a"] {
        assert!(selection.prunes(directory), "{directory}");
    }
}

#[test]
fn a_glob_that_cannot_be_understood_is_named_with_the_reason() {
    for (rule, reason) in [
        (exclude("a["), "exclude 'a[': unclosed character class"),
        (include("{a"), "include '{a': unclosed alternate group"),
        (include("[z-a]"), "include '[z-a]': invalid range"),
        (exclude(""), "exclude '': it is empty"),
        (exclude("/a"), "exclude '/a': it begins with a slash"),
        (exclude("./"), "exclude './': it is empty"),
        (exclude(".//a"), "exclude './/a': it begins with a slash"),
        (exclude("a//"), "exclude 'a//': it has an empty segment"),
        (include("../a"), "include '../a': it has a `.` or `..`"),
        (exclude("a/./"), "exclude 'a/./': it has a `.` or `..`"),
        (exclude("{a/,b/}"), "exclude '{a/,b/}': an alternative ends"),
        (exclude("[é]"), "exclude '[é]': a class"),
        (exclude("a\\"), "exclude 'a\\': dangling"),
    ] {
        let criteria = Criteria {
            names: vec![rule],
            ..Criteria::default()
        };
        let error = Selection::new(criteria, None).unwrap_err().to_string();
        assert!(error.starts_with(reason), "{error}");
    }
}

/// A file that shrank is not copied; its old object is no reason to think that
/// the file is gone. One that grew is, whatever its object is like.
#[test]
fn the_source_decides_by_its_size_where_both_have_the_key() {
    let (files, objects) = (MemoryStore::files(), MemoryStore::objects());
    files.insert("shrank", "1", noon(9));
    objects.insert("shrank", "12345", noon(0));
    files.insert("grew", "12345", noon(9));
    objects.insert("grew", "1", noon(0));
    files.insert("large", "12345", noon(0));
    objects.insert("gone", "12345", noon(0));
    objects.insert("gone and small", "1", noon(0));
    let criteria = Criteria {
        min_size: Some(3),
        ..Criteria::default()
    };
    let options = with!(
        PlanOptions::new(Direction::Backup),
        selection: Arc::new(Selection::new(criteria.clone(), None).unwrap()),
    );
    let plan = plan(&files, &objects, &options);
    assert_eq!(lines(&plan), ["delete gone", "copy grew", "copy large"]);
    let counts = plan.counts();
    assert_eq!(counts.not_selected().entries, 2);
    assert_eq!((counts.source.entries, counts.target.entries), (2, 2));
    assert_eq!(plan.header().selection, criteria);
}

#[test]
fn what_is_not_selected_is_never_read() {
    let (files, objects) = (MemoryStore::files(), MemoryStore::objects());
    for store in [&files, &objects] {
        store.insert("a", "1", noon(0));
        store.insert("b", "2", noon(0));
    }
    let (files, objects) = crate::support::probes(&files, &objects);
    let options = with!(
        PlanOptions::new(Direction::Backup),
        selection: Arc::new(named(vec![exclude("b")])),
        compare: sync_core::rule::Compare::Checksum,
    );
    plan(&files, &objects, &options);
    let log = files.log();
    assert!(log.iter().any(|call| call.ends_with(" a")), "{log:?}");
    assert!(!log.iter().any(|call| call.ends_with(" b")), "{log:?}");
}

#[test]
fn what_is_in_the_way_and_not_selected_is_a_conflict_and_stays() {
    for (objects, files, line) in [
        (&["a/b"][..], &["a"][..], "conflict a/b with a"),
        (
            &["a"][..],
            &["a/keep", "a/old"][..],
            "conflict a with a/keep",
        ),
    ] {
        let mut restore = restore(objects, files);
        restore.options.selection = Arc::new(named(vec![
            exclude("a"),
            include(objects[0]),
            exclude("*keep"),
        ]));
        let plan = plan(&restore.bucket, &restore.files, &restore.options);
        assert!(
            lines(&plan).contains(&line.to_owned()),
            "{:?}",
            lines(&plan)
        );
        assert!(plan.counts().incomplete());
        assert_eq!(restore.outcome(), files);
    }
}

#[test]
fn a_plan_without_a_selection_is_read() {
    let header = r#"{"s3mirror_plan":3,"source":"a","target":"b","direction":"backup","compare":"times","clock_offset":0,"counts":{"source":{"entries":0,"bytes":0},"target":{"entries":0,"bytes":0},"reasons":{},"skipped_in_source":{},"skipped_in_target":{},"conflicts":0,"too_long":0}}"#;
    let spool = sync_core::spool::Spools::create(&sync_core::spool::MemorySpools).unwrap();
    let plan = sync_core::plan::Plan::read_from(header.as_bytes(), spool).unwrap();
    assert!(plan.header().selection.is_empty());
    // And what selects nothing writes nothing of it.
    let mut written = Vec::new();
    plan.write_to(&mut written).unwrap();
    assert_eq!(String::from_utf8(written).unwrap().trim_end(), header);
}

#[test]
fn a_saved_plan_says_what_it_was_limited_to() {
    let (files, objects) = (MemoryStore::files(), MemoryStore::objects());
    files.insert("a", "1", noon(0));
    files.insert("b.tmp", "1", noon(0));
    let criteria = Criteria {
        names: vec![exclude("*.tmp"), include("keep.tmp")],
        min_size: Some(1),
        older_than: Some(noon(5)),
        ..Criteria::default()
    };
    let options = with!(
        PlanOptions::new(Direction::Backup),
        selection: Arc::new(Selection::new(criteria.clone(), None).unwrap()),
    );
    let made = plan(&files, &objects, &options);
    let mut written = Vec::new();
    made.write_to(&mut written).unwrap();
    let spool = sync_core::spool::Spools::create(&sync_core::spool::MemorySpools).unwrap();
    let read = sync_core::plan::Plan::read_from(&written[..], spool).unwrap();
    assert_eq!(read.header(), made.header());
    assert_eq!(
        read.header().selection.to_string(),
        "exclude '*.tmp' include 'keep.tmp' min_size 1B older_than 2024-05-01T12:00:05Z"
    );
}
