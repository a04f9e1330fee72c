//! The whole product, by its binary, over real HTTP: what it promises is a
//! test of that name here, and trees and buckets are compared whole.
//!
//! The promises that hold on any server are tested over the endpoint in memory
//! of this package and over servers that other people wrote. A plain `cargo
//! test` skips the latter; `cargo xtask test` runs those over SeaweedFS, Ceph
//! and JuiceFS, and with `--all-servers` those over Swift, Garage and moto.

// A test that cannot continue panics.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::needless_pass_by_value)]

#[macro_use]
mod support;

mod library;
mod mirror;
mod rule;
mod second_run;

mod cluster;
mod cluster_absent;
mod cluster_attempts;
mod cluster_batch;
mod cluster_ended;
mod cluster_finish;
mod cluster_input;
mod cluster_kubernetes;
mod cluster_lives;
mod cluster_ranges;
mod cluster_ranges_refused;
mod cluster_refused;
mod cluster_scripts;
mod cluster_slurm;
mod cluster_status;
mod cluster_told;
mod cluster_unplanned;
mod cluster_watched;
mod mock;
mod plans_again;
mod plans_apply;
mod plans_docs;
mod plans_files;
mod plans_saved;
mod plans_shown;
mod plans_travel;
mod prices;
mod question;

mod deletions;
mod guards;
mod listing;
mod locks;
mod overlaps;
mod state_directory;
mod unfinished_restores;
mod unusable_files;

mod archives;
mod attached;
mod bandwidth;
mod objects;
mod outside;
mod payers;
mod s3_options_docs;
mod sse_c;
mod sse_c_secret;

mod lists;
mod lists_wrong;
mod selection;
mod selection_limits;

mod places;
mod restore_links;
mod skipped;
mod small_memory;
mod sources;
mod targets;

mod clocks;
mod conflicts;
mod keys;
mod names;
mod precision;
mod times;

mod servers;

mod faults_answers;
mod faults_bytes;
mod faults_changes;
mod faults_directory;
mod faults_disk;
mod faults_last_moment;
mod faults_poor_systems;
mod faults_races;
mod faults_server;
mod faults_silence;
mod storm;

mod docs;
mod docs_watching;
mod handles;
mod jobs;
mod jobs_docs;
mod jobs_wrong;
mod machines;
mod past;
mod past_docs;
mod trash;
mod trash_docs;
mod trash_killed;
mod versioning;
mod watch;
mod watch_trouble;
mod watch_undone;
mod watching;

mod cleanup;
mod failures;
mod interop;
mod interrupt;
mod killed;
mod on_disk;
mod options;
mod secrets;
mod streams;
mod usage;

mod doctor;
mod verify;
