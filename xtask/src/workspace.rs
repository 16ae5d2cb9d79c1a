//! Where the repository and its build directory are, and how cargo is started in it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::test::output_of;

/// The root of the repository.
pub fn root() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    own.parent().map_or_else(|| PathBuf::from("."), PathBuf::from)
}

/// Where cargo builds, and where everything that may be deleted goes.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// A program of the workspace by its place among what was built, such as `vsr-cluster` or `examples/steady`. All of them
/// are built at once and with all features, as the tests are: each other choice would compile much of it anew.
///
/// # Errors
/// If they cannot be built; in the words of the compiler.
pub fn program(name: &str) -> Result<Command, String> {
    static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
    let build = || {
        let mut build = cargo(["build", "--quiet", "--workspace", "--all-features", "--bins", "--examples"]);
        output_of(&mut build).map(drop)
    };
    BUILT.get_or_init(build).clone()?;
    let mut program = Command::new(target().join("debug").join(name));
    program.current_dir(root());
    Ok(program)
}

/// Cargo, to be started in the root of the repository.
pub fn cargo<I, S>(arguments: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<std::ffi::OsStr>,
{
    // By name and not through `CARGO`: only the proxy of that name understands `+nightly`.
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(root());
    command
}
