//! A dashboard and its panels as values, and the JSON that Grafana imports. Only panels that every Grafana has.

use serde_json::{Value, json};

/// The version of the form, that of Grafana 10. Later ones take it over by themselves.
const SCHEMA: u32 = 39;
/// Columns of a dashboard.
const COLUMNS: u32 = 24;

/// A dashboard.
pub(super) struct Board {
    pub(super) uid: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    /// Name of each variable, and the query that gives its values.
    pub(super) variables: Vec<(&'static str, &'static str)>,
    pub(super) rows: Vec<(&'static str, Vec<Panel>)>,
}

/// How a panel shows its values.
pub(super) enum Look {
    /// One number; from the second on it is red, and green below, or the other way round.
    Number { red: Option<Red> },
    /// Lines over time.
    Lines,
    /// A row for each series, by these labels; the values of each query in a column of this name and unit.
    Rows { labels: &'static [&'static str], columns: &'static [(&'static str, &'static str)] },
}

/// Which numbers are bad.
pub(super) enum Red {
    /// From this one on.
    From(f64),
    /// Below this one.
    Below(f64),
}

/// A panel.
pub(super) struct Panel {
    title: &'static str,
    description: &'static str,
    unit: &'static str,
    look: Look,
    columns: u32,
    /// Each with the legend of its series.
    queries: Vec<(String, &'static str)>,
}

/// A number.
pub(super) fn number(title: &'static str, unit: &'static str, query: impl Into<String>) -> Panel {
    panel(title, unit, Look::Number { red: None }, 4, vec![(query.into(), "")])
}

/// Lines.
pub(super) fn lines(title: &'static str, unit: &'static str, queries: &[(&str, &'static str)]) -> Panel {
    let queries = queries.iter().map(|(query, legend)| ((*query).to_owned(), *legend)).collect();
    panel(title, unit, Look::Lines, 12, queries)
}

/// A table.
pub(super) fn rows(
    title: &'static str,
    labels: &'static [&'static str],
    columns: &'static [(&'static str, &'static str)],
    queries: Vec<String>,
) -> Panel {
    let queries = queries.into_iter().map(|query| (query, "")).collect();
    panel(title, "none", Look::Rows { labels, columns }, 12, queries)
}

fn panel(
    title: &'static str,
    unit: &'static str,
    look: Look,
    columns: u32,
    queries: Vec<(String, &'static str)>,
) -> Panel {
    Panel { title, description: "", unit, look, columns, queries }
}

impl Panel {
    pub(super) fn red_from(mut self, value: f64) -> Self {
        self.look = Look::Number { red: Some(Red::From(value)) };
        self
    }

    pub(super) fn red_below(mut self, value: f64) -> Self {
        self.look = Look::Number { red: Some(Red::Below(value)) };
        self
    }

    pub(super) fn says(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    pub(super) fn wide(mut self, columns: u32) -> Self {
        self.columns = columns;
        self
    }

    fn height(&self) -> u32 {
        if matches!(self.look, Look::Number { .. }) { 4 } else { 8 }
    }

    fn json(&self, id: usize, x: u32, y: u32) -> Value {
        let is_instant = !matches!(self.look, Look::Lines);
        let is_table = matches!(self.look, Look::Rows { .. });
        let targets: Vec<Value> = ('A'..='Z')
            .zip(&self.queries)
            .map(|(name, (query, legend))| {
                json!({
                    "refId": name.to_string(),
                    "datasource": datasource(),
                    "expr": query,
                    "legendFormat": if legend.is_empty() { "__auto" } else { legend },
                    "instant": is_instant,
                    "range": !is_instant,
                    "format": if is_table { "table" } else { "time_series" },
                })
            })
            .collect();
        let (kind, defaults, overrides, options, transformations) = self.shown();
        json!({
            "id": id,
            "type": kind,
            "title": self.title,
            "description": self.description,
            "gridPos": { "x": x, "y": y, "w": self.columns, "h": self.height() },
            "datasource": datasource(),
            "targets": targets,
            "fieldConfig": { "defaults": defaults, "overrides": overrides },
            "options": options,
            "transformations": transformations,
        })
    }

    /// Type, defaults and overrides of the fields, options, transformations.
    fn shown(&self) -> (&'static str, Value, Value, Value, Value) {
        match &self.look {
            Look::Number { red } => {
                let steps = match red {
                    None => json!([{ "color": "blue", "value": null }]),
                    Some(Red::From(value)) => {
                        json!([{ "color": "green", "value": null }, { "color": "red", "value": value }])
                    }
                    Some(Red::Below(value)) => {
                        json!([{ "color": "red", "value": null }, { "color": "green", "value": value }])
                    }
                };
                let defaults = json!({
                    "unit": self.unit,
                    "noValue": "–",
                    "thresholds": { "mode": "absolute", "steps": steps },
                    "color": { "mode": "thresholds" },
                });
                let options = json!({
                    "reduceOptions": { "calcs": ["lastNotNull"], "fields": "", "values": false },
                    "colorMode": "background", "graphMode": "none", "textMode": "auto",
                });
                ("stat", defaults, json!([]), options, json!([]))
            }
            Look::Lines => {
                let defaults = json!({
                    "unit": self.unit,
                    "min": 0,
                    "custom": { "lineWidth": 1, "fillOpacity": 10, "showPoints": "auto", "spanNulls": true },
                });
                let options = json!({
                    "legend": { "displayMode": "list", "placement": "bottom", "showLegend": true },
                    "tooltip": { "mode": "multi", "sort": "desc" },
                });
                ("timeseries", defaults, json!([]), options, json!([]))
            }
            Look::Rows { labels, columns } => {
                let names: Vec<(String, &str, &str)> = columns
                    .iter()
                    .zip('A'..='Z')
                    .map(|((name, unit), query)| {
                        // With one query the column is not named after it.
                        let field =
                            if columns.len() == 1 { "Value".to_owned() } else { format!("Value #{query}") };
                        (field, *name, *unit)
                    })
                    .collect();
                let overrides: Vec<Value> = names
                    .iter()
                    .map(|(_, name, unit)| {
                        json!({
                            "matcher": { "id": "byName", "options": name },
                            "properties": [{ "id": "unit", "value": unit }],
                        })
                    })
                    .collect();
                let kept: Vec<&str> =
                    labels.iter().copied().chain(names.iter().map(|(field, ..)| field.as_str())).collect();
                let renamed: serde_json::Map<String, Value> =
                    names.iter().map(|(field, name, _)| (field.clone(), json!(name))).collect();
                let transformations = json!([
                    { "id": "merge", "options": {} },
                    { "id": "filterFieldsByName", "options": { "include": { "names": kept } } },
                    { "id": "organize", "options": { "renameByName": renamed, "excludeByName": {}, "indexByName": {} } },
                ]);
                let defaults = json!({ "custom": { "align": "auto", "filterable": true } });
                ("table", defaults, json!(overrides), json!({ "showHeader": true }), transformations)
            }
        }
    }
}

impl Board {
    /// As Grafana imports it. The source of the data is chosen above the dashboard.
    pub(super) fn json(&self) -> Value {
        let mut panels = Vec::new();
        let mut y = 0;
        for (title, row) in &self.rows {
            panels.push(json!({
                "id": panels.len() + 1, "type": "row", "title": title, "collapsed": false, "panels": [],
                "gridPos": { "x": 0, "y": y, "w": COLUMNS, "h": 1 },
            }));
            y += 1;
            let (mut x, mut height) = (0, 0);
            for panel in row {
                if x + panel.columns > COLUMNS {
                    y += height;
                    (x, height) = (0, 0);
                }
                panels.push(panel.json(panels.len() + 1, x, y));
                x += panel.columns;
                height = height.max(panel.height());
            }
            y += height;
        }
        let source = json!({
            "name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus",
            "hide": 0, "includeAll": false, "multi": false, "refresh": 1, "regex": "", "options": [], "current": {},
        });
        let variables = self.variables.iter().map(|(name, query)| {
            json!({
                "name": name, "label": name, "type": "query", "datasource": datasource(),
                "query": { "query": query, "refId": name }, "definition": query,
                "hide": 0, "includeAll": true, "allValue": ".*", "multi": true, "refresh": 2, "sort": 1, "regex": "",
                "options": [], "current": { "selected": true, "text": ["All"], "value": ["$__all"] },
            })
        });
        json!({
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["stash", "backups"],
            "schemaVersion": SCHEMA,
            "version": 1,
            "editable": true,
            "graphTooltip": 1,
            "time": { "from": "now-24h", "to": "now" },
            "refresh": "1m",
            "timezone": "browser",
            "annotations": { "list": [] },
            "links": [{
                "type": "dashboards", "tags": ["stash"], "title": "Stash", "asDropdown": true, "includeVars": true,
                "keepTime": true, "icon": "external link", "targetBlank": false, "tooltip": "", "url": "",
            }],
            "templating": { "list": std::iter::once(source).chain(variables).collect::<Vec<_>>() },
            "panels": panels,
        })
    }
}

fn datasource() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}
