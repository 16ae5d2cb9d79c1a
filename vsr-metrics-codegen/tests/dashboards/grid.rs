//! Grafana's grid: no panel leaves it, none lies on another, no line has a hole.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{boards, committed, place, written};

const COLUMNS: u64 = 24;

/// `x`, `y`, width and height.
fn rectangle(panel: &Value) -> [u64; 4] {
    ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().expect("a whole number"))
}

/// Every cell of the grid is covered once, down to the lowest.
fn check(board: &Value) {
    let mut cells: BTreeMap<(u64, u64), String> = BTreeMap::new();
    for panel in board["panels"].as_array().expect("panels") {
        let [x, y, width, height] = rectangle(panel);
        assert!(width > 0 && height > 0 && x + width <= COLUMNS, "{}", place(board, panel));
        for row in y..y + height {
            for column in x..x + width {
                let before = cells.insert((row, column), place(board, panel));
                assert_eq!(before, None, "{} lies on it", place(board, panel));
            }
        }
    }
    let lowest = cells.keys().next_back().expect("a panel").0;
    assert_eq!(cells.len() as u64, (lowest + 1) * COLUMNS, "{} has holes", board["title"]);
}

#[test]
fn grid_has_no_gaps_and_no_overlaps() {
    committed().iter().for_each(check);
}

/// One to nine panels, of any widths.
#[test]
fn every_number_and_width_of_panels_fills_the_grid() {
    for count in [1, 2, 3, 5, 7, 9] {
        for width in [None, Some(7), Some(13)] {
            for kind in ["graph", "stat"] {
                let size = width.map_or_else(String::new, |width| format!(", width: {width}"));
                let panel =
                    |index: usize| format!("{{ metrics: [app_queue], kind: {kind}, title: T{index}{size} }}");
                let panels: Vec<String> = (1..=count).map(panel).collect();
                let text = super::SMALL.replace("PANEL", &panels.join(", "));
                boards(&written(&text)).iter().for_each(check);
            }
        }
    }
}

#[test]
fn panels_are_numbered_once_each() {
    for board in committed() {
        let panels = board["panels"].as_array().expect("panels");
        let ids: Vec<u64> = panels.iter().map(|panel| panel["id"].as_u64().expect("an id")).collect();
        assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>(), "{}", board["title"]);
    }
}
