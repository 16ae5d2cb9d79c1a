//! The deterministic driver: a cluster on a virtual clock, with a simulated network and simulated disks, and faults in
//! both.
//!
//! A [`Scenario`] is data: how the cluster looks, what its clients do, and what goes wrong when. [`World`] runs it.
//! All chance comes from the seed, so the same scenario with the same seed does the same thing, event by event, and
//! one that fails can be run again. While it runs, [`Safety`] watches what replicas execute and clients hear, and
//! [`Observer`] counts what crosses the driver; at the end its counts are compared with the metrics.
//!
//! ```
//! use std::time::Duration;
//! use vsr_cluster::sim::{Action, Scenario, Target, World};
//!
//! let scenario = Scenario::quiet(7, Duration::from_secs(5))
//!     .at(Duration::from_secs(1), Action::Crash(Target::Primary))
//!     .at(Duration::from_secs(3), Action::RestartAll);
//! let mut scrapes = 0;
//! let ending = World::new(&scenario).on_scrape(Duration::from_secs(1), |_| scrapes += 1).run();
//! assert!(ending.findings.is_empty(), "{:?}", ending.findings);
//! assert_eq!(scrapes, 5 * 3);
//! ```

mod adversary;
mod clients;
mod families;
mod machine;
mod network;
mod node;
mod observer;
mod random;
mod report;
mod safety;
mod scenario;
mod schedules;
mod story;
mod trials;
mod world;

pub use adversary::Forgery;
pub use machine::Hardware;
pub use network::Weather;
pub use observer::Observer;
pub use random::Random;
pub use report::{Populated, populated};
pub use safety::Safety;
pub use scenario::{Action, DiskFailure, Load, Requests, Rot, Scenario, Step, Target};
pub use schedules::{schedule, schedule_with_usual_limits};
pub use story::{Fault, begun, story};
pub use trials::{TRIALS, Trial};
pub use world::{Ending, Scrape, World};
