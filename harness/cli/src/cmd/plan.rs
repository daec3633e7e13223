//! `routeproof plan`: what would be run.

use routeproof_engine::run::Loaded;

use super::select;
use crate::args::PlanArgs;
use crate::fail::Failure;

pub fn run(args: &PlanArgs) -> Result<u8, Failure> {
    let loaded = select::scenarios(&args.scenarios, &args.only)?;
    if args.json {
        let json = serde_json::to_string_pretty(&Loaded::plan(&loaded)).map_err(Failure::broken)?;
        println!("{json}");
        return Ok(0);
    }
    for scenario in &loaded {
        println!("{}: {}", scenario.name, scenario.about);
        for run in &scenario.runs {
            let axes: Vec<String> = run.axes.iter().map(|(axis, value)| format!("{axis}={value}")).collect();
            let expected: Vec<String> =
                run.expected.iter().map(|(key, value)| format!("{key} {value}")).collect();
            let expected = if expected.is_empty() {
                String::new()
            } else {
                format!("  expects {}", expected.join(", "))
            };
            println!("  {}{expected}", axes.join(" "));
            for step in &run.steps {
                println!("    - {}", step.name);
            }
        }
    }
    Ok(0)
}
