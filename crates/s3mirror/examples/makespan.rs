//! How long many machines take, by simulation: transfers divided by ranges of keys with equal
//! numbers of entries, and divided by cost, as `cluster seal` does. A table of random trees; it
//! fails if a division by cost takes more than 1.25 times the ideal.

use std::process::ExitCode;

use s3mirror::Direction;
use s3mirror::cluster::{shard_costs, transfer_cost};

const NODES: usize = 32;
const SHARDS: usize = 8 * NODES;
const DIRECTORIES: usize = 20_000;
const TREES: u64 = 5;
const MOST: f64 = 1.25;

/// Costs of the transfers of a tree, by directories.
type Tree = Vec<Vec<u64>>;

fn main() -> ExitCode {
    let mut worst = 0.0_f64;
    println!("{NODES} nodes, {SHARDS} shards; makespan as a multiple of the ideal");
    println!("seed  changes                  entries  key ranges  by cost");
    for seed in 1..=TREES {
        let mut random = fastrand::Rng::with_seed(seed);
        let tree = tree(&mut random);
        for (what, changed) in [
            ("all new", vec![true; DIRECTORIES]),
            ("5 %, clustered", clusters(&mut random, DIRECTORIES / 20)),
        ] {
            let (ranges, by_cost, entries) = makespans(&tree, &changed);
            println!("{seed:>4}  {what:<20} {entries:>11} {ranges:>11.2} {by_cost:>8.2}");
            worst = worst.max(by_cost);
        }
    }
    println!("worst by cost: {worst:.2}, of {MOST:.2} that are permitted");
    if worst <= MOST {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Directories in the order of their keys: some have many files, some large ones.
fn tree(random: &mut fastrand::Rng) -> Tree {
    let mut project = 0.0;
    (0..DIRECTORIES)
        .map(|number| {
            // Those of one project have files of a kind.
            if number % 200 == 0 {
                project = 11.0 + 1.5 * normal(random);
            }
            let files = (3.0 + normal(random)).exp().min(20_000.0) as usize;
            let sizes = (0..files).map(|_| (project + 1.5 * normal(random)).exp());
            sizes
                .map(|size| transfer_cost(Direction::Backup, size.min(50e9) as u64))
                .collect()
        })
        .collect()
}

/// So many directories, in a few clusters.
fn clusters(random: &mut fastrand::Rng, mut left: usize) -> Vec<bool> {
    let mut changed = vec![false; DIRECTORIES];
    while left > 0 {
        let begin = random.usize(..DIRECTORIES);
        for directory in changed.iter_mut().skip(begin).take(left.min(50)) {
            left -= usize::from(!*directory);
            *directory = true;
        }
    }
    changed
}

/// Of ranges of keys, and of shards by cost, as multiples of the ideal; and how many entries
/// are copied.
fn makespans(tree: &Tree, changed: &[bool]) -> (f64, f64, usize) {
    let entries: usize = tree.iter().map(Vec::len).sum();
    let (mut ranges, mut before) = (vec![Vec::new(); SHARDS], 0);
    for (directory, is_changed) in tree.iter().zip(changed) {
        for cost in directory {
            // A range has equally many entries, changed or not.
            let range = before * SHARDS / entries;
            before += 1;
            if *is_changed {
                ranges[range].push(*cost);
            }
        }
    }
    let by_range: Vec<u64> = ranges.iter().map(|costs| costs.iter().sum()).collect();
    let ideal = by_range.iter().sum::<u64>() as f64 / NODES as f64;
    let by_cost = shard_costs(&ranges, SHARDS);
    (
        makespan(&by_range) as f64 / ideal,
        makespan(&by_cost) as f64 / ideal,
        ranges.iter().map(Vec::len).sum(),
    )
}

/// When the last node is done, if each takes the next shard as soon as it is free.
fn makespan(shards: &[u64]) -> u64 {
    let mut nodes = [0_u64; NODES];
    for shard in shards {
        if let Some(free) = nodes.iter_mut().min() {
            *free += shard;
        }
    }
    nodes.into_iter().max().unwrap_or(0)
}

/// A normal variate, by the sum of uniform ones.
fn normal(random: &mut fastrand::Rng) -> f64 {
    (0..12).map(|_| random.f64()).sum::<f64>() - 6.0
}
