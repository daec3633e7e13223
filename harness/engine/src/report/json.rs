//! The result file itself, schema `routeproof/result/v1`.

use super::{Report, View};

pub(super) struct Json;

impl Report for Json {
    fn render(&self, view: &View<'_>) -> String {
        match serde_json::to_string_pretty(view.result) {
            Ok(text) => text + "\n",
            // Only a path that is not UTF-8 can do this, and such a path does not get through the event log.
            Err(error) => format!(
                "{}\n",
                serde_json::json!({ "schema": view.result.schema, "error": error.to_string() })
            ),
        }
    }
}
