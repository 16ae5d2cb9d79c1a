//! A small Viewstamped Replication database that runs in threads of one process, instrumented with the typed
//! metrics of `vsr-metrics`.
//!
//! It follows *Viewstamped Replication Revisited* (Liskov, Cowling 2012). [`replica`] is the protocol, a
//! deterministic state machine, and the table in its documentation says which section is where;
//! [`driver`] runs it in a thread, [`storage`] keeps it on disk, [`network`] connects it, and [`cluster`] puts all of
//! that together. [`client`] and [`load`] ask, [`demo`] shows.
//!
//! Every number on `/metrics` is recorded where the thing that it names happens: in the core, or in the log.
#![forbid(unsafe_code)]

pub mod agreement;
pub mod chaos;
pub mod client;
pub mod client_sessions;
pub mod clock;
pub mod cluster;
pub mod configuration;
pub mod counts;
pub mod demo;
pub mod driver;
pub mod limits;
pub mod load;
pub mod log_scrubber;
pub mod matrix;
pub mod message;
pub mod network;
pub mod node;
pub mod options;
pub mod process;
pub mod processes;
mod push;
pub mod repair_budget;
pub mod replica;
pub mod say;
pub mod scenario;
pub mod service;
pub mod sim;
pub mod soak;
pub mod solo;
pub mod stage;
pub mod state_machine;
pub mod storage;
pub mod tcp;
mod traces;
pub mod wire;
