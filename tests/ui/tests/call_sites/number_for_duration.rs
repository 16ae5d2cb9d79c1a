//! Time is a duration, not a number in some unit.

use ui::METRICS;

fn main() {
    METRICS.record_wait(12);
}
