//! What Grafana puts into a query: values for the board's variables and for its own.

use serde_json::Value;

/// What Grafana's own variables stand for, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// `$__rate_interval`: at least four scrapes.
    pub rate_interval: u64,
    /// `$__range`: the time that the board shows.
    pub range: u64,
}

/// The query as Grafana sends it with everything chosen; where one is to be chosen, that one.
pub fn substituted(board: &Value, expr: &str, one: &str, times: Times) -> String {
    let own = [
        ("$__rate_interval".to_owned(), format!("{}s", times.rate_interval)),
        ("$__range_s".to_owned(), times.range.to_string()),
        ("$__range".to_owned(), format!("{}s", times.range)),
    ];
    let variables = board["templating"]["list"].as_array().into_iter().flatten();
    let chosen = variables.filter(|variable| variable["type"] == "query").map(|variable| {
        let value = variable["allValue"].as_str().unwrap_or(one);
        (format!("${}", variable["name"].as_str().unwrap_or_default()), value.to_owned())
    });
    own.into_iter().chain(chosen).fold(expr.to_owned(), |expr, (name, value)| expr.replace(&name, &value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_grafana_is_left() {
        let board = serde_json::json!({ "templating": { "list": [
            { "type": "datasource", "name": "datasource" },
            { "type": "query", "name": "job", "allValue": ".+" },
            { "type": "query", "name": "replica_id" },
        ] } });
        let expr =
            "rate(a{job=~\"$job\",replica_id=~\"$replica_id\"}[$__rate_interval]) + $__range_s + b[$__range]";
        let sent = substituted(&board, expr, "0", Times { rate_interval: 4, range: 60 });
        assert_eq!(sent, "rate(a{job=~\".+\",replica_id=~\"0\"}[4s]) + 60 + b[60s]");
    }
}
