//! s3mirror against itself: on two cores instead of one, and in more threads.
//!
//! On a machine of two cores the endpoint needs its part of the second, so the
//! tables show how much of both is used. More threads than cores are simulated:
//! each call on a connection takes its thread 10 ms, whatever the core could do
//! meanwhile. (A limit of each connection would not do: one thread serves as
//! many of them as eight.)

use super::{
    ClientCores::{One, Two},
    Entrants, Figure, Files, Scale, Target, Variation, Work, slow_calls,
};

const CORES: [Variation; 2] = [
    Variation::with("s3mirror on 1 core", &[]).on(One),
    Variation::with("s3mirror on 2 cores", &[])
        .on(Two)
        .aims(&[Target::Speedup(1.6)]),
];

const IN_THREADS: [Variation; 4] = [
    Variation::with("s3mirror in 1 thread", &["--threads", "1"]).on(Two),
    Variation::with("s3mirror in 2 threads", &["--threads", "2"]).on(Two),
    Variation::with("s3mirror in 4 threads", &["--threads", "4"]).on(Two),
    Variation::with("s3mirror in 8 threads", &["--threads", "8"])
        .on(Two)
        .aims(&[Target::Speedup(6.0)]),
];

pub(super) fn works(scale: &Scale) -> Vec<Work> {
    let Scale {
        large,
        threads_large,
        ..
    } = *scale;
    let small = Files::new(scale.threads_small, 4_096);
    let cores = |work: Work| alone(work.over_https(), &CORES);
    let threads = |work: Work| alone(work.slowed(slow_calls::CONNECTIONS), &IN_THREADS);
    vec![
        cores(Work::up(
            "up-large-cores",
            "upload of large files over https, by cores",
            large,
        )),
        cores(Work::down(
            "down-large-cores",
            "download of large files over https, by cores",
            large,
        )),
        threads(Work::up(
            "up-large-threads",
            "upload of large files, calls on connections 10 ms late",
            threads_large,
        )),
        threads(Work::down(
            "down-large-threads",
            "download of large files, calls on connections 10 ms late",
            threads_large,
        )),
        threads(Work::up(
            "up-small-threads",
            "upload of small files, calls on connections 10 ms late",
            small,
        )),
        threads(Work::down(
            "down-small-threads",
            "download of small files, calls on connections 10 ms late",
            small,
        )),
    ]
}

fn alone(work: Work, variations: &'static [Variation]) -> Work {
    Work {
        entrants: Entrants::Variations,
        compared: Figure::Wall,
        ..work.varied(variations)
    }
}
