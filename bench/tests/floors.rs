//! The floors against the endpoint, each a process of its own, as
//! `cargo xtask bench` runs them. A floor fails by itself if it does not get
//! what it asked for; here is looked at what the endpoint counted.

use std::{
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

/// What the endpoint prints after `client` did `action` with `layout`.
fn served(client: &str, action: &str, layout: &str, tls: Option<&PathBuf>) -> Result<Vec<String>> {
    let mut endpoint = Command::new(env!("CARGO_BIN_EXE_bench-endpoint"));
    if action != "put" {
        endpoint.args(["--seed", layout]);
    }
    if let Some(tls) = tls {
        endpoint.arg("--tls").arg(tls);
    }
    let mut endpoint = endpoint
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = BufReader::new(endpoint.stdout.take().context("no standard output")?);
    let mut url = String::new();
    said.read_line(&mut url)?;

    let mut floor = Command::new(env!("CARGO_BIN_EXE_bench-floor"));
    floor.args([client, action, layout, url.trim()]);
    if let Some(tls) = tls {
        floor.arg("--ca").arg(tls).env("SSL_CERT_FILE", tls);
    }
    let status = floor.status()?;
    drop(endpoint.stdin.take());
    let mut report = String::new();
    said.read_to_string(&mut report)?;
    endpoint.wait()?;
    ensure!(status.success(), "{client} {action} {layout}: {status}");
    Ok(report.lines().map(str::to_owned).collect())
}

fn assert_served(client: &str, action: &str, layout: &str, expected: &[&str]) -> Result<()> {
    let report = served(client, action, layout, None)?;
    for line in expected {
        let is_there = report.iter().any(|said| said == line);
        assert!(
            is_there,
            "{client} {action} {layout}: {line}, in {report:?}"
        );
    }
    Ok(())
}

#[test]
fn small_files_are_one_request_each() -> Result<()> {
    for client in ["sdk", "http"] {
        let put = ["PUT 40", "received 163840", "objects 40", "stored 40"];
        assert_served(client, "put", "40x4096", &put)?;
        let get = ["GET 40", "sent 163840", "refused 0"];
        assert_served(client, "get", "40x4096", &get)?;
    }
    Ok(())
}

#[test]
fn large_files_go_in_parts_of_8_mib() -> Result<()> {
    let bytes = 2 * 9_000_000;
    let (received, sent) = (format!("received {bytes}"), format!("sent {bytes}"));
    let put = ["CREATE 2", "PART 4", "COMPLETE 2", "stored 2", &received];
    assert_served("sdk", "put", "2x9000000", &put)?;
    assert_served("http", "put", "2x9000000", &["PUT 4", &received])?;
    for client in ["sdk", "http"] {
        assert_served(client, "get", "2x9000000", &["GET 4", &sent])?;
    }
    Ok(())
}

/// A file of gigabytes must not need gigabytes of the endpoint.
#[test]
fn no_content_is_kept_in_memory() -> Result<()> {
    for action in ["put", "get"] {
        let report = served("http", action, "1x268435456", None)?;
        let peak = report.iter().find_map(|line| line.strip_prefix("peak "));
        let peak: u64 = peak.context("no peak")?.parse()?;
        assert!(peak < 64 << 20, "{action}: {peak} bytes");
    }
    Ok(())
}

#[test]
fn a_listing_is_a_request_for_each_thousand() -> Result<()> {
    for client in ["sdk", "http"] {
        assert_served(client, "list", "2500x3", &["LIST 3", "refused 0"])?;
    }
    Ok(())
}

#[test]
fn over_https_the_certificate_of_the_run_is_trusted() -> Result<()> {
    let ca = std::env::temp_dir().join(format!("bench-floors-{}.pem", std::process::id()));
    for client in ["sdk", "http"] {
        let report = served(client, "get", "3x2000", Some(&ca))?;
        assert!(report.contains(&"sent 6000".to_owned()), "{report:?}");
    }
    std::fs::remove_file(ca)?;
    Ok(())
}
