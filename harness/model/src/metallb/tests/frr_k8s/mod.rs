//! MetalLB in frr-k8s mode as its users see it.

mod conflicts;
mod generated;
mod order;
mod rendering;
mod warnings;

use super::*;

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: md5, namespace: metallb-system}\n\
                      type: kubernetes.io/basic-auth\nstringData: {password: hush}\n";

/// An FRRConfiguration with one router: lines of the router, indented by six, below its asn.
fn configuration(name: &str, router: &str) -> String {
    format!(
        "apiVersion: frrk8s.metallb.io/v1beta1\nkind: FRRConfiguration\nmetadata: {{name: {name}, namespace: metallb-system}}\n\
         spec:\n  bgp:\n    routers:\n    - asn: 64513\n{router}"
    )
}

/// One neighbor, its fields in flow style.
fn neighbor(name: &str, address: &str, more: &str) -> String {
    configuration(name, &format!("      neighbors: [{{asn: 64512, address: \"{address}\"{more}}}]\n"))
}

fn render_k8s(version: &str, objects: &Objects) -> Result<Rendered, RenderError> {
    render(Release::find(version).unwrap(), Mode::FrrK8s, objects, &node("worker", &[("rack", "a")]))
}

fn rendered(version: &str, manifests: &[&str]) -> Rendered {
    render_k8s(version, &objects(manifests)).unwrap_or_else(|e| panic!("{e}"))
}

/// The file, as [`visible`] shows it.
fn conf(version: &str, manifests: &[&str]) -> String {
    visible(&rendered(version, manifests).conf)
}

/// Those lines of the file that begin with one of `words`.
fn lines(version: &str, manifests: &[&str], words: &[&str]) -> String {
    let text = conf(version, manifests);
    let kept = text.lines().filter(|l| words.iter().any(|w| l.trim_start().starts_with(w)));
    kept.collect::<Vec<_>>().join("\n")
}

/// What is said of manifests that are not rendered; an error of `apply` counts.
fn refusal(version: &str, manifests: &[&str]) -> String {
    let said = |d: &crate::diag::Diagnostic| {
        let hints = d.hints.iter().map(|h| format!("  hint: {h}"));
        std::iter::once(d.to_string()).chain(hints).collect::<Vec<_>>().join("\n")
    };
    let mut objects = Objects::new();
    for text in manifests {
        if let Err(d) = objects.apply(&source(text)) {
            return said(&d);
        }
    }
    match render_k8s(version, &objects) {
        Err(RenderError::Refused(d)) => said(&d),
        Err(RenderError::Pending(d)) => format!("pending: {}", said(&d)),
        Err(other) => other.to_string(),
        Ok(_) => "rendered".to_owned(),
    }
}
