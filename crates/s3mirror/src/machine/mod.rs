//! What this machine permits the process: memory and open files. The defaults
//! follow it, so that no option is needed in a small container.

pub mod memory;
pub mod open_files;
