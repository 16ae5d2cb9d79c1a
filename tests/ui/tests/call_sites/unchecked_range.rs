//! A number becomes a label value only through a check.

use ui::{METRICS, Outcome, PeerId};

fn main() {
    METRICS.increment_tries(Outcome::Good, PeerId(7));
}
