//! Steps that look for faults of concurrency and memory, models of the storage and sanitizers over it, and for what
//! recording must not cost.

use std::process::{Command, Stdio};

use super::{End, Step};
use crate::judges::tools;
use crate::workspace::{cargo, program, root, target};

/// The steps.
pub const STEPS: &[Step] = &[
    Step::fast("models of the storage under every interleaving", models),
    Step::installed("no data race in the storage (ThreadSanitizer)", || sanitizer("thread")),
    Step::installed("no memory fault in the storage (AddressSanitizer)", || sanitizer("address")),
    Step::installed("hung exporters cost a recording no instruction", hung_exporters),
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

/// The program that records beside exporters.
const HUNG: &str = "examples/hung";

/// Recordings of the shorter and of the longer run: the difference holds hardly anything of a thread's first recording.
const RECORDINGS: [u64; 2] = [20_000, 120_000];

/// Instructions that may differ over all recordings of that difference, where one more in each would be 100,000. A
/// thread's first recording takes a lock, and finds it held now and then: some hundreds of instructions, in either run.
const ONCE: u64 = 1_000;

/// A recording takes as many instructions with every exporter on, and hung, as with none.
fn hung_exporters() -> End {
    if let Err(error) = program(HUNG) {
        return End::Failed(error);
    }
    if let Err(remedy) = tools::valgrind() {
        return End::LeftOut(remedy);
    }
    End::from(recorded("idle").and_then(|idle| {
        let hung = recorded("hung")?;
        if idle.abs_diff(hung) <= ONCE {
            return Ok(());
        }
        Err(format!("instructions of 100,000 recordings: {idle} without exporters, {hung} with hung ones"))
    }))
}

/// Instructions of the recording thread between the shorter and the longer run.
fn recorded(exporters: &str) -> Result<u64, String> {
    let collected = |times: u64| {
        let program = program(HUNG)?;
        let mut command = tools::valgrind()?;
        // Each thread has its own switch, so only the one that records is counted. Fair turns: the others need theirs.
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--fair-sched=try"]);
        command.arg("--toggle-collect=*hung*recorded*").arg(program.get_program());
        let output = command
            .args(["record", exporters, &times.to_string()])
            .output()
            .map_err(|error| format!("`valgrind` cannot be started: {error}"))?;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let count =
            told.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse::<u64>().ok());
        count.filter(|count| *count > 0 && output.status.success()).ok_or(told)
    };
    Ok(collected(RECORDINGS[1])? - collected(RECORDINGS[0])?)
}
