//! A gauge with states takes no number.

use ui::{METRICS, Mode};

fn main() {
    let _ = Mode::Idle; METRICS.set_mode(1);
}
