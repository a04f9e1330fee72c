//! Restores a directory from a bucket: `restore DIR BUCKET[/PREFIX]`. What it
//! would do is shown first, by a preview that locks and changes nothing.

use s3mirror::{Location, Mirror};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let directory = words.next().ok_or("usage: restore DIR BUCKET[/PREFIX]")?;
    let bucket: Location = words.next().ok_or("the bucket is missing")?.parse()?;
    let preview = Mirror::restore(&directory, bucket.clone())
        .open_preview()
        .await?;
    println!("{}", preview.plan().await?.counts());
    let mirror = Mirror::restore(&directory, bucket).open().await?;
    let report = mirror.execute(&mirror.plan().await?).await?;
    println!("copied {}", report.execution.created.entries);
    if report.is_complete() {
        Ok(())
    } else {
        Err("incomplete".into())
    }
}
