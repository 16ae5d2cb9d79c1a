//! Steps that look for faults of concurrency and memory: models of the storage, and sanitizers over it.

use std::process::{Command, Stdio};

use super::{End, Step};
use crate::workspace::{cargo, root, target};

/// The steps.
pub const STEPS: &[Step] = &[
    Step::fast("models of the storage under every interleaving", models),
    Step::installed("no data race in the storage (ThreadSanitizer)", || sanitizer("thread")),
    Step::installed("no memory fault in the storage (AddressSanitizer)", || sanitizer("address")),
];

/// The loom models. A directory of their own: their flag would have cargo build everything else anew each time.
fn models() -> End {
    let mut test =
        cargo(["test", "--release", "--package", "vsr-metrics", "--no-default-features", "--lib", "--quiet"]);
    test.args(["models", "--target-dir"]).arg(target().join("loom"));
    End::of(test.env("RUSTFLAGS", "--cfg vsr_metrics_loom"))
}

/// The tests of exact totals under one sanitizer.
fn sanitizer(kind: &str) -> End {
    let is_linux = cfg!(all(target_os = "linux", target_arch = "x86_64"));
    let has_nightly = Command::new("cargo")
        .args(["+nightly", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !is_linux || !has_nightly {
        return End::LeftOut("needs Linux on x86_64, and `rustup toolchain install nightly`".into());
    }
    let mut flags = format!("-Zsanitizer={kind}");
    if kind == "thread" {
        flags += " -Cunsafe-allow-abi-mismatch=sanitizer";
    }
    let suppressions = root().join("vsr-metrics/tests/tsan-suppressions.txt");
    let mut test =
        cargo(["+nightly", "test", "--package", "vsr-metrics", "--no-default-features", "--test", "totals"]);
    test.args(["--target", "x86_64-unknown-linux-gnu", "--quiet", "--target-dir"])
        .arg(target().join("sanitizers"))
        .args(["--", "--test-threads=1"])
        .env("RUSTFLAGS", flags)
        .env("TSAN_OPTIONS", format!("suppressions={}", suppressions.display()))
        // Instrumented code is slow; a twentieth of the recordings meets the same interleavings.
        .env("VSR_METRICS_SCALE", "20");
    End::of(&mut test)
}
