//! A counter cannot go down.

use ui::{METRICS, Status};

fn main() {
    METRICS.sub_jobs(Status::Success, 1);
}
