//! `cargo xtask pictures`: draws boards from what a real Prometheus scraped of the running demo.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "seconds, pixels and colors are small"
)]

mod board;
mod data;
mod graph;
mod number;
mod svg;

use std::ffi::OsString;
use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::judges::{self, Demo, Prometheus, tools};
use crate::outcome::{Outcome, Refused, Verdict};
use crate::workspace;
use data::Span;

/// How it is called.
pub const USAGE: &str = "usage: cargo xtask pictures [--for DURATION] [--board UID]... [--out DIR]

  --for DURATION   how long the demo runs and is scraped, in whole seconds, such as 300s (default 300s)
  --board UID      which boards are drawn (default: those in docs/pictures)
  --out DIR        where the pictures go (default: docs/pictures)";

/// The boards whose pictures are part of the docs.
const BOARDS: [&str; 3] = ["vsr-overview", "vsr-replication", "vsr-storage"];

/// How many points a line has at most.
const POINTS: f64 = 150.0;

/// Runs the demo, scrapes it, and draws.
pub fn run(arguments: &[OsString]) -> Outcome {
    let (mut seconds, mut uids, mut out) = (300, Vec::new(), workspace::root().join("docs/pictures"));
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Long("for") => seconds = whole_seconds(&parser.value()?.to_string_lossy())?,
            lexopt::Arg::Long("board") => uids.push(parser.value()?.to_string_lossy().into_owned()),
            lexopt::Arg::Long("out") => out = parser.value()?.into(),
            other => return Err(Refused::from(other.unexpected())),
        }
    }
    if uids.is_empty() {
        uids = BOARDS.map(str::to_owned).into();
    }
    let boards = boards(&uids)?;
    let pictures = draw(&boards, seconds).map_err(Refused::new)?;
    fs::create_dir_all(&out).map_err(|error| Refused::new(format!("`{}`: {error}", out.display())))?;
    for (uid, picture) in uids.iter().zip(pictures) {
        let path = out.join(format!("{uid}.svg"));
        fs::write(&path, picture).map_err(|error| Refused::new(format!("`{}`: {error}", path.display())))?;
        println!("wrote {}", path.display());
    }
    Ok(Verdict::Clean)
}

fn whole_seconds(text: &str) -> Result<u64, Refused> {
    let seconds = text.strip_suffix('s').and_then(|number| number.parse().ok());
    seconds.ok_or_else(|| Refused::new(format!("`{text}` is no number of seconds such as `300s`")))
}

/// The committed boards of these names.
fn boards(uids: &[String]) -> Result<Vec<Value>, Refused> {
    let mut committed = Vec::new();
    for path in judges::boards().map_err(Refused::new)? {
        let text = fs::read_to_string(&path)
            .map_err(|error| Refused::new(format!("`{}`: {error}", path.display())))?;
        let board: Value = serde_json::from_str(&text).map_err(|error| Refused::new(error.to_string()))?;
        committed.push(board);
    }
    let find = |uid: &String| {
        let board = committed.iter().find(|board| board["uid"] == uid.as_str()).cloned();
        board.ok_or_else(|| Refused::new(format!("no board is called `{uid}`")))
    };
    uids.iter().map(find).collect()
}

/// The pictures of boards after the demo ran for some time.
fn draw(boards: &[Value], seconds: u64) -> Result<Vec<String>, String> {
    let program = tools::prometheus()?;
    let directory = judges::scratch("pictures")?;
    // Longer than it is looked at, so that nothing ends in the picture.
    let demo = Demo::start_with(&directory, &format!("{}s", seconds + 30), &["--chaos"])?;
    let prometheus = Prometheus::start(&program, &directory, &[demo.address()])?;
    eprintln!("scraping for {seconds} s");
    std::thread::sleep(Duration::from_secs(seconds));
    let end = prometheus.last_scrape()?.floor();
    let length = seconds as f64;
    let span = Span { start: end - length + 10.0, end, step: (length / POINTS).ceil() };
    boards.iter().map(|board| board::draw(&prometheus, board, span)).collect()
}
