//! Backs a directory up to a bucket: `backup DIR BUCKET[/PREFIX]`.
//!
//! Credentials and the server come from the usual AWS sources.

use s3mirror::{Location, Mirror};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let directory = words.next().ok_or("usage: backup DIR BUCKET[/PREFIX]")?;
    let bucket: Location = words.next().ok_or("the bucket is missing")?.parse()?;
    let mirror = Mirror::backup(directory, bucket).open().await?;
    let plan = mirror.plan().await?;
    println!("{}", plan.counts());
    let report = mirror.execute(&plan).await?;
    let copied = report.execution.created.entries + report.execution.overwritten.entries;
    println!(
        "copied {copied}, deleted {}",
        report.execution.deleted.entries
    );
    if report.is_complete() {
        Ok(())
    } else {
        Err("incomplete".into())
    }
}
