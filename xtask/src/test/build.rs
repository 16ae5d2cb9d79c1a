//! Steps that check the sources: format, lints, our own habits, generated files, tests, documents, packages.

use std::path::Path;

use super::{End, Step, output_of};
use crate::workspace::{cargo, target};

/// The steps, cheap ones first.
pub const STEPS: &[Step] = &[
    Step::fast("format", || End::of(&mut cargo(["fmt", "--all", "--check"]))),
    Step::fast("our own habits", || chore(&["tidy"])),
    Step::fast("no findings in the catalogs", || chore(&["check"])),
    Step::fast("generated files are current", || chore(&["gen", "--check"])),
    Step::fast("lints", lints),
    Step::fast("tests", tests),
    Step::fast("documents of the code", documents),
    Step::fast("packages build outside the workspace", packages),
    Step::fast("the benchmark compiles", benchmark),
];

/// Another chore of this program, as a program: so its output can be kept back.
fn chore(words: &[&str]) -> End {
    End::of(cargo(["xtask"]).args(words))
}

/// Every warning is an error.
fn lints() -> End {
    let mut clippy = cargo(["clippy", "--workspace", "--all-targets", "--all-features", "--quiet"]);
    End::of(clippy.args(["--", "-D", "warnings"]))
}

/// All of them, with all features.
fn tests() -> End {
    End::of(&mut cargo(["test", "--workspace", "--all-features", "--quiet", "--no-fail-fast"]))
}

/// Every item is documented, and every link leads somewhere.
fn documents() -> End {
    let mut doc = cargo(["doc", "--workspace", "--no-deps", "--all-features", "--quiet"]);
    End::of(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

/// The benchmark is no member of the workspace, so nothing else notices when it falls behind. It is compiled and not
/// built: the libraries that it compares take half a minute the first time, and nothing after that.
fn benchmark() -> End {
    let mut check = cargo(["check", "--quiet", "--manifest-path", "bench/Cargo.toml"]);
    End::of(check.env("CARGO_TARGET_DIR", target().join("bench")))
}

/// What is published builds from its package alone, with the catalog inside. Each time in a directory of another name:
/// what cargo once unpacked and compiled of a package is current to it while version and place are the same, whatever
/// the package holds by now.
fn packages() -> End {
    let all = target().join("packages");
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    let directory = all.join(since.as_millis().to_string());
    let mut package = cargo(["package", "--allow-dirty", "--quiet", "--target-dir"]);
    package.arg(&directory).env("CARGO_PROFILE_DEV_DEBUG", "0");
    for name in ["vsr-metrics-catalog", "vsr-metrics-codegen", "vsr-metrics-macros", "vsr-metrics"] {
        package.args(["--package", name]);
    }
    let built = remove(&all).and_then(|()| output_of(&mut package)).and_then(|_| catalog_travels(&directory));
    End::from(built.and_then(|()| remove(&all)))
}

fn remove(directory: &Path) -> Result<(), String> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("`{}`: {error}", directory.display()))
        }
        _ => Ok(()),
    }
}

/// The package of the runtime contains the catalog it compiles, as a file.
fn catalog_travels(directory: &Path) -> Result<(), String> {
    let version = env!("CARGO_PKG_VERSION");
    let unpacked = directory.join(format!("package/vsr-metrics-{version}/metrics.yaml"));
    let catalog = std::fs::symlink_metadata(&unpacked);
    match catalog {
        Ok(file) if file.is_file() => Ok(()),
        Ok(_) => Err("`metrics.yaml` is no file of its own in the package".into()),
        Err(error) => Err(format!("`metrics.yaml` is not in the package of vsr-metrics: {error}")),
    }
}
