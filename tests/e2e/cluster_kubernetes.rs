//! `cluster script kubernetes`: its manifests are those of the published schema and of the rules
//! beside it, and what they say makes both sides equal.

use std::fs;
use std::os::unix::fs::MetadataExt;

use serde_json::{Value, json};

use crate::docs::top as repository;
use crate::support::{
    Memory, World, assert_same,
    cluster::{Cluster, IN_ORDER, different},
    kubernetes::{documents, rule_errors, run, run_all, schema_errors},
};

/// What a shell, YAML or Kubernetes could take for its own.
const ODD: &str = "my $(XDG_STATE_HOME) $$ {} 'run': \"of\" # *\u{85}\u{7f}é";

/// The run directory gets a name that needs quotes.
fn rename_oddly(cluster: &mut Cluster<'_, '_>) {
    let odd = cluster.world.sandbox.path(ODD);
    fs::rename(&cluster.run, &odd).unwrap();
    cluster.run = odd;
}

/// The manifests of a run.
fn manifests(cluster: &Cluster<'_, '_>, options: &[&str]) -> String {
    let script = cluster.script("kubernetes").args(["--mount", "/"]);
    let script = script.args(options);
    cluster.world.no_requests(|| script.done()).stdout
}

fn names(jobs: &[Value]) -> Vec<&str> {
    let names = jobs.iter().map(|job| &job["metadata"]["name"]);
    names.map(|name| name.as_str().unwrap()).collect()
}

#[test]
fn a_manifest_of_kubernetes_has_indexed_completions() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 3);
    let options = ["--at-once", "2", "--volume", "claim", "--role", "mirror"];
    let text = manifests(&cluster, &options);
    let jobs = documents(&text);
    assert_eq!(jobs.len(), 2, "{text}");
    let owner = fs::metadata(&cluster.run).unwrap();
    for job in &jobs {
        assert_eq!(job["apiVersion"], "batch/v1");
        assert_eq!(job["kind"], "Job");
        assert_eq!(rule_errors(job), [""; 0], "{text}");
        let pod = &job["spec"]["template"]["spec"];
        assert_eq!(pod["restartPolicy"], "Never");
        assert_eq!(pod["serviceAccountName"], "mirror");
        // Nobody else may use the run directory.
        assert_eq!(pod["securityContext"]["runAsUser"], owner.uid());
        assert_eq!(job["spec"]["podReplacementPolicy"], "Failed");
        let claim = &pod["volumes"][0]["persistentVolumeClaim"]["claimName"];
        assert_eq!(claim, "claim");
    }
    let spec = &jobs[0]["spec"];
    assert_eq!(spec["completionMode"], "Indexed");
    assert_eq!(spec["completions"], 3);
    assert_eq!(spec["parallelism"], 2);
    assert_eq!(spec["backoffLimitPerIndex"], 3);
    let rules = &spec["podFailurePolicy"]["rules"];
    assert_eq!(rules[0]["action"], "FailIndex");
    assert_eq!(rules[0]["onExitCodes"]["values"], json!([2, 4]));
    // A pod that was evicted uses up no attempt.
    assert_eq!(rules[1]["action"], "Ignore");
    assert_eq!(rules[1]["onPodConditions"][0]["type"], "DisruptionTarget");

    // The end fails until all shards are done, and is tried again.
    run(&world, &jobs[0], Some(2)).is(0);
    run(&world, &jobs[1], None).is(3);
    run_all(&world, &jobs);
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// Its Job has a thousand tries.
#[test]
fn the_end_of_a_run_that_is_incomplete_for_good_is_not_tried_again_by_kubernetes() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    let jobs = documents(&manifests(&cluster, &[]));
    let rules = &jobs[1]["spec"]["podFailurePolicy"]["rules"];
    assert_eq!(rules[0]["action"], "FailJob");
    let values = rules[0]["onExitCodes"]["values"].as_array().unwrap();
    let ends_the_job = |status: u64| values.contains(&json!(status));
    dir.write("d0/12", "edited since");
    run(&world, &jobs[0], Some(0)).is(3);
    run(&world, &jobs[1], None).is(3);
    run(&world, &jobs[0], Some(1)).is(0);
    // The shard would fail again.
    run(&world, &jobs[1], None).is(4);
    assert!(ends_the_job(4) && !ends_the_job(3), "{rules}");
    cluster.finish().arg("--without-deletions").exits(3);
    run(&world, &jobs[1], None).is(4).says("finished before");
}

/// As Kubernetes would: the plans, the seal; then what was suspended.
#[test]
fn a_manifest_of_ranges_has_all_phases_and_suspends_the_shards() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::ranges(&world, "backup", &dir, 3, &IN_ORDER);
    let text = manifests(&cluster, &[]);
    let jobs = documents(&text);
    assert_eq!(jobs.len(), 4, "{text}");
    let completions = [json!(cluster.plans()), Value::Null, json!(3), Value::Null];
    for (index, job) in jobs.iter().enumerate() {
        let spec = &job["spec"];
        assert_eq!(rule_errors(job), [""; 0], "{text}");
        assert_eq!(spec["suspend"].as_bool(), (index >= 2).then_some(true));
        assert_eq!(spec["completions"], completions[index]);
    }
    // The commands that resume them name these.
    let names = names(&jobs);
    let patch = format!("kubectl patch job/{} job/{} ", names[2], names[3]);
    assert!(text.contains(&patch), "{text}");
    assert!(text.contains(&format!("job/{}\n", names[1])), "{text}");
    // The seal fails until all plans are made, and is tried again.
    run(&world, &jobs[1], None).is(3);
    run_all(&world, &jobs);
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn words_that_need_quotes_reach_the_containers_as_they_are() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let mut cluster = Cluster::ranges(&world, "backup", &dir, 2, &IN_ORDER);
    rename_oddly(&mut cluster);
    let image = "registry.example.com:5000/it's/s3mirror@sha256:0#x";
    let options = ["--image", image, "--volume", "yes", "--role", "0123"];
    let jobs = documents(&manifests(&cluster, &options));
    for job in &jobs {
        let pod = &job["spec"]["template"]["spec"];
        assert_eq!(pod["containers"][0]["image"], image);
        // Texts that YAML would read as something else.
        assert_eq!(pod["serviceAccountName"], "0123");
        let claim = &pod["volumes"][0]["persistentVolumeClaim"]["claimName"];
        assert_eq!(claim, "yes");
    }
    run_all(&world, &jobs);
    assert_eq!(cluster.status()["state"], "finished");
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// A copy of the job with another value, or none, at a place.
fn with(job: &Value, place: &str, value: Value) -> Value {
    let mut job = job.clone();
    let (parent, name) = place.rsplit_once('/').unwrap();
    let parent = job.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(fields), Value::Null) => drop(fields.remove(name).unwrap()),
        (Value::Object(fields), value) => drop(fields.insert(name.to_owned(), value)),
        (other, _) => panic!("{other}"),
    }
    job
}

/// What breaks a rule: another value, or none, at a place; and the rule.
const BREAKS: [(&str, &str, &str); 18] = [
    ("/apiVersion", r#""v1""#, "apiVersion"),
    ("/metadata/name", r#""s3mirror_1""#, "name"),
    (
        "/metadata/name",
        r#""aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa""#,
        "name",
    ),
    ("/spec/completionMode", r#""indexed""#, "completionMode"),
    (
        "/spec/completionMode",
        "null",
        "backoffLimitPerIndex of NonIndexed",
    ),
    ("/spec/completions", "null", "Indexed without completions"),
    (
        "/spec/backoffLimitPerIndex",
        "null",
        "FailIndex without backoffLimitPerIndex",
    ),
    (
        "/spec/podReplacementPolicy",
        r#""Fail""#,
        "podReplacementPolicy",
    ),
    (
        "/spec/podReplacementPolicy",
        r#""TerminatingOrFailed""#,
        "podFailurePolicy without podReplacementPolicy Failed",
    ),
    (
        "/spec/template/spec/restartPolicy",
        r#""OnFailure""#,
        "podFailurePolicy without restartPolicy Never",
    ),
    (
        "/spec/template/spec/restartPolicy",
        "null",
        "no restartPolicy",
    ),
    ("/spec/template/spec/volumes", "[]", "volumeMounts"),
    (
        "/spec/podFailurePolicy/rules/0/action",
        r#""Fail""#,
        "action",
    ),
    (
        "/spec/podFailurePolicy/rules/0/onExitCodes",
        "null",
        "onExitCodes or onPodConditions",
    ),
    (
        "/spec/podFailurePolicy/rules/0/onExitCodes/operator",
        r#""in""#,
        "operator",
    ),
    (
        "/spec/podFailurePolicy/rules/0/onExitCodes/containerName",
        r#""main""#,
        "containerName",
    ),
    (
        "/spec/podFailurePolicy/rules/0/onExitCodes/values",
        "[4, 2]",
        "values",
    ),
    (
        "/spec/podFailurePolicy/rules/0/onExitCodes/values",
        "[0, 2]",
        "0 among values",
    ),
];

#[test]
fn a_manifest_that_breaks_a_rule_of_kubernetes_is_noticed() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 3);
    let job = &documents(&manifests(&cluster, &[]))[0];
    for (place, value, rule) in BREAKS {
        let value = serde_json::from_str(value).unwrap();
        let errors = rule_errors(&with(job, place, value));
        assert!(errors.contains(&rule), "{place}: {errors:?}");
    }
}

/// A run that is split in it is found at the same place by the tasks, as by the same user.
#[test]
fn the_pod_of_the_documents_has_what_the_tasks_have() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 3);
    let example = repository().join("docs/examples/cluster-pod.yaml");
    let text = fs::read_to_string(example).unwrap();
    let pod = &documents(&text)[0]["spec"];
    let job = &documents(&manifests(&cluster, &[]))[0];
    let of_job = &job["spec"]["template"]["spec"];
    assert_eq!(pod["volumes"], of_job["volumes"]);
    let container = |pod: &Value, name: &str| pod["containers"][0][name].clone();
    assert_eq!(container(pod, "envFrom"), container(of_job, "envFrom"));
    // Where the volume is by default.
    let mounts = container(pod, "volumeMounts");
    let help = world
        .s3mirror()
        .args(["cluster", "script", "--help"])
        .done();
    let path = mounts[0]["mountPath"].as_str().unwrap();
    help.says(&format!("[default: {path}]"));
    // The user of the image of a release.
    let image = fs::read_to_string(repository().join("Containerfile")).unwrap();
    let user = &pod["securityContext"]["runAsUser"];
    let group = &pod["securityContext"]["runAsGroup"];
    assert!(
        image.contains(&format!("\nUSER {user}:{group}\n")),
        "{image}"
    );
}

/// All manifests that are printed, and those of the documents.
fn manifests_are_those_of_the_schema(world: &World<'_>, cluster: &mut Cluster<'_, '_>) {
    rename_oddly(cluster);
    let odd = ["--image", "it's:#1", "--volume", "yes", "--role", "0123"];
    for options in [&[][..], &odd, &["--", "--profile", "a: b"]] {
        let text = manifests(cluster, options);
        assert_eq!(schema_errors(world, &text), None, "{text}");
    }
}

#[test]
#[ignore = "needs kubernetes-validate; `cargo xtask test` runs it"]
fn manifests_of_a_plan_and_of_ranges_are_those_of_the_published_schema() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let mut cluster = Cluster::split(&world, "backup", &dir, 3);
    manifests_are_those_of_the_schema(&world, &mut cluster);
    fs::remove_dir_all(&cluster.run).unwrap();
    let mut cluster = Cluster::ranges(&world, "backup", &dir, 3, &IN_ORDER);
    manifests_are_those_of_the_schema(&world, &mut cluster);
}

#[test]
#[ignore = "needs kubernetes-validate; `cargo xtask test` runs it"]
fn manifests_of_the_documents_are_those_of_the_published_schema() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let mut seen = 0;
    for entry in fs::read_dir(repository().join("docs/examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "yaml") {
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(schema_errors(&world, &text), None, "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 2, "{seen}");
}

#[test]
#[ignore = "needs kubernetes-validate; `cargo xtask test` runs it"]
fn a_manifest_with_a_wrong_field_is_none_of_the_published_schema() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 3);
    let job = &documents(&manifests(&cluster, &[]))[0];
    assert_eq!(schema_errors(&world, &job.to_string()), None);
    let container = "/spec/template/spec/containers/0";
    for (place, value) in [
        // Fields that there are not, at every depth.
        ("/spec/backofLimitPerIndex", json!(3)),
        ("/spec/podFailurePolicy/rules/0/onExitCode", json!({})),
        (&format!("{container}/cmd"), json!(["s3mirror"])),
        (&format!("{container}/resources/request"), json!({})),
        // Values of another kind.
        ("/spec/completions", json!("3")),
        ("/spec/suspend", json!("true")),
        ("/metadata/name", json!(7)),
        (
            "/spec/podFailurePolicy/rules/0/onExitCodes/values",
            json!(["2"]),
        ),
        (&format!("{container}/command"), json!("s3mirror")),
        // Fields that must be there.
        ("/spec/template", Value::Null),
        (&format!("{container}/name"), Value::Null),
    ] {
        let wrong = with(job, place, value).to_string();
        assert!(schema_errors(&world, &wrong).is_some(), "{place}: {wrong}");
    }
}
