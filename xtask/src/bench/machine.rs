//! The machine that is measured on.

use std::{fs, process::Command};

use anyhow::Result;

use super::work::ClientCores;
use crate::step;

/// Which cores the two sides run on, as `bench-pin` takes them.
pub(super) struct Cores {
    client: String,
    /// Two, for what the client gains by the second.
    pub(super) pair: Option<String>,
    pub(super) endpoint: String,
}

impl Cores {
    pub(super) fn of_this_machine() -> Result<Self> {
        let count = std::thread::available_parallelism()?.get();
        let count = if cfg!(target_os = "linux") { count } else { 1 };
        if count == 1 {
            println!("client and endpoint share what cores there are");
        }
        Ok(Self::of_so_many(count))
    }

    /// The first ones; without a second, nothing is pinned, and the figures say
    /// less. The endpoint needs its part of a pair where there are only two.
    fn of_so_many(count: usize) -> Self {
        let (client, pair, endpoint) = match count {
            0 | 1 => ("any", None, "any"),
            2 => ("1", Some("0,1"), "0"),
            _ => ("1", Some("1,2"), "0"),
        };
        Self {
            client: client.to_owned(),
            pair: pair.map(str::to_owned),
            endpoint: endpoint.to_owned(),
        }
    }

    /// Those of a client.
    pub(super) fn of(&self, cores: ClientCores) -> &str {
        match cores {
            ClientCores::One => &self.client,
            ClientCores::Two => self.pair.as_deref().unwrap_or("any"),
        }
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
    fn the_endpoint_shares_a_core_only_where_there_is_no_third() {
        let of = |count| {
            let cores = Cores::of_so_many(count);
            let [one, two] =
                [ClientCores::One, ClientCores::Two].map(|which| cores.of(which).to_owned());
            (one, two, cores.endpoint)
        };
        let words = |one: &str, two: &str, endpoint: &str| {
            (one.to_owned(), two.to_owned(), endpoint.to_owned())
        };
        assert_eq!(of(1), words("any", "any", "any"));
        assert_eq!(of(2), words("1", "0,1", "0"));
        assert_eq!(of(16), words("1", "1,2", "0"));
    }

    #[test]
    fn a_field_is_found_by_its_name() {
        let text = "processor\t: 0\nmodel name\t: A fast one\n";
        assert_eq!(field(text, "model name"), Some("A fast one"));
        assert_eq!(field(text, "MemTotal"), None);
    }
}
