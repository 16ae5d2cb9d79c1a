//! A status that the catalog does not name cannot be written.

use ui::{METRICS, Status};

fn main() {
    METRICS.increment_jobs(Status::Aborted);
}
