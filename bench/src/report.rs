//! Costs as a table of ratios, and the goals beside them.

use crate::rounds::{Cost, Role};

/// Prints one case.
pub fn table(case: &str, unit: &str, costs: &[Cost]) {
    let ours = ours(costs);
    println!("\n{case}");
    println!("  {:<44} {:>9} {:>8}   10 % to 90 %, rounds", "", unit, "× ours");
    for cost in costs {
        if cost.rounds == 0 {
            println!("  {:<44} its threads never ran at the same time", cost.name);
            continue;
        }
        println!(
            "  {:<44} {:>9.2} {:>8.2}   {:.2} to {:.2}, {}",
            cost.name,
            cost.median,
            cost.median / ours,
            cost.spread.0,
            cost.spread.1,
            cost.rounds
        );
    }
}

/// Prints whether a goal is met: `value` at most (or, for a factor of speed, at least) `limit`.
pub fn goal(what: &str, value: f64, limit: f64, at_most: bool) {
    let met = if at_most { value <= limit } else { value >= limit };
    let (sign, word) = (if at_most { "≤" } else { "≥" }, if met { "met" } else { "NOT MET" });
    println!("  goal: {what}: {value:.2} {sign} {limit}: {word}");
}

/// In how many rounds the contender of that name counted.
pub fn rounds(costs: &[Cost], name: &str) -> usize {
    costs.iter().find(|cost| cost.name == name).map_or(0, |cost| cost.rounds)
}

/// What we cost.
pub fn ours(costs: &[Cost]) -> f64 {
    of(costs, Role::Ours)
}

/// What the fastest peer costs.
pub fn fastest_peer(costs: &[Cost]) -> f64 {
    of(costs, Role::Peer)
}

/// What the contender of that name costs.
pub fn named(costs: &[Cost], name: &str) -> f64 {
    costs.iter().filter(|cost| cost.name == name).map(|cost| cost.median).fold(f64::INFINITY, f64::min)
}

fn of(costs: &[Cost], role: Role) -> f64 {
    costs.iter().filter(|cost| cost.role == role).map(|cost| cost.median).fold(f64::INFINITY, f64::min)
}
