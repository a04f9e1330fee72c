//! The machine that is measured on.

use std::{fs, process::Command};

use anyhow::Result;

use crate::step;

/// Which cores the two sides run on, as `bench-measure` takes them.
pub(super) struct Cores {
    pub(super) client: String,
    pub(super) endpoint: String,
}

impl Cores {
    /// The first two; without a second, nothing is pinned, and the figures say
    /// less.
    pub(super) fn of_this_machine() -> Result<Self> {
        let count = std::thread::available_parallelism()?.get();
        let [client, endpoint] = if count >= 2 && cfg!(target_os = "linux") {
            ["1", "0"]
        } else {
            println!("client and endpoint share what cores there are");
            ["any", "any"]
        };
        Ok(Self {
            client: client.to_owned(),
            endpoint: endpoint.to_owned(),
        })
    }
}

/// Date and machine, in one line.
pub(super) fn described() -> Result<String> {
    let date = step::output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
    let kernel = step::output(Command::new("uname").arg("-sr"))?;
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = field(&cpu, "model name").unwrap_or("an unknown processor");
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = field(&memory, "MemTotal").and_then(|text| text.split(' ').next());
    let memory = memory
        .and_then(|text| text.parse::<u64>().ok())
        .unwrap_or(0);
    let cores = std::thread::available_parallelism()?;
    Ok(format!(
        "{}: {model}, {cores} cores, {} GiB, {}",
        date.trim(),
        memory.div_ceil(1 << 20),
        kernel.trim()
    ))
}

fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|pair| pair.1.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_name() {
        let text = "processor\t: 0\nmodel name\t: A fast one\n";
        assert_eq!(field(text, "model name"), Some("A fast one"));
        assert_eq!(field(text, "MemTotal"), None);
    }
}
