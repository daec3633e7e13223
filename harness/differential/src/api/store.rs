//! The objects of one case, as an API server keeps them: versions, writes, and what happened since a version.

use serde_json::{Value, json};
use tokio::sync::watch;

use super::target::Target;

/// Something that happened to an object.
#[derive(Clone, Debug)]
struct Event {
    version: u64,
    kind: &'static str,
    object: Value,
}

/// Why a write did not take place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    NotFound,
    AlreadyExists,
    /// Somebody wrote in between.
    Conflict,
}

#[derive(Debug)]
pub struct Store {
    objects: Vec<Value>,
    events: Vec<Event>,
    version: u64,
    /// The version, for those who wait.
    news: watch::Sender<u64>,
}

impl Store {
    pub fn new(objects: &[Value]) -> Self {
        let mut store =
            Self { objects: Vec::new(), events: Vec::new(), version: 0, news: watch::Sender::new(0) };
        store.replace(objects);
        store
    }

    /// Has other objects from now on, for those who list; those who watch are not told.
    pub fn replace(&mut self, objects: &[Value]) {
        self.objects.clear();
        for object in objects {
            self.version += 1;
            self.objects.push(stamped(object.clone(), self.version));
        }
        self.events.clear();
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    pub fn list(&self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        self.objects.iter().filter(|o| wanted(o)).cloned().collect()
    }

    /// What happened to such objects after a version, and the version up to which this tells.
    pub fn since(&self, version: u64, wanted: impl Fn(&Value) -> bool) -> (Vec<(&'static str, Value)>, u64) {
        let later = self.events.iter().filter(|e| e.version > version && wanted(&e.object));
        (later.map(|e| (e.kind, e.object.clone())).collect(), self.version)
    }

    /// Adds an object.
    pub fn create(&mut self, object: Value) -> Result<Value, Refusal> {
        if self.objects.iter().any(|o| same(o, &object)) {
            return Err(Refusal::AlreadyExists);
        }
        let object = stamped(object, self.version + 1);
        self.objects.push(object.clone());
        self.tell("ADDED", object.clone());
        Ok(object)
    }

    /// Changes what a path names. Of a write to `/status` only the status counts, of others all but the status.
    pub fn change(
        &mut self,
        target: &Target,
        change: impl FnOnce(&Value) -> Value,
    ) -> Result<Value, Refusal> {
        let index = self.objects.iter().position(|o| target.matches(o)).ok_or(Refusal::NotFound)?;
        let before = self.objects[index].clone();
        let written = change(&before);
        let (known, now) = (&written["metadata"]["resourceVersion"], &before["metadata"]["resourceVersion"]);
        if known.as_str().is_some_and(|known| !known.is_empty()) && known != now {
            return Err(Refusal::Conflict);
        }
        let mut after = if target.of_status { before.clone() } else { written.clone() };
        let status = if target.of_status { &written["status"] } else { &before["status"] };
        match (status, after.as_object_mut()) {
            (Value::Null, Some(fields)) => _ = fields.remove("status"),
            (status, _) => after["status"] = status.clone(),
        }
        after["metadata"] =
            if target.of_status { before["metadata"].clone() } else { written["metadata"].clone() };
        after["metadata"]["uid"] = before["metadata"]["uid"].clone();
        after["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
        if after == before {
            return Ok(before);
        }
        after["metadata"]["resourceVersion"] = json!((self.version + 1).to_string());
        self.objects[index] = after.clone();
        self.tell("MODIFIED", after.clone());
        Ok(after)
    }

    /// Removes what a path names.
    pub fn remove(&mut self, target: &Target) -> Result<Value, Refusal> {
        let index = self.objects.iter().position(|o| target.matches(o)).ok_or(Refusal::NotFound)?;
        let object = self.objects.remove(index);
        self.tell("DELETED", object.clone());
        Ok(object)
    }

    fn tell(&mut self, kind: &'static str, object: Value) {
        self.version += 1;
        self.events.push(Event { version: self.version, kind, object });
        self.news.send_replace(self.version);
    }
}

fn same(a: &Value, b: &Value) -> bool {
    let place =
        |o: &Value| (o["kind"].clone(), o["metadata"]["namespace"].clone(), o["metadata"]["name"].clone());
    place(a) == place(b)
}

/// What the API server adds to an object.
fn stamped(mut object: Value, version: u64) -> Value {
    let meta = &mut object["metadata"];
    meta["uid"] = json!(format!("00000000-0000-0000-0000-{version:012}"));
    meta["resourceVersion"] = json!(version.to_string());
    meta["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
    object
}

/// RFC 7386.
pub fn merged(target: &Value, patch: &Value) -> Value {
    let Some(patch) = patch.as_object() else { return patch.clone() };
    let mut all = target.as_object().cloned().unwrap_or_default();
    for (name, value) in patch {
        match value {
            Value::Null => _ = all.remove(name),
            value => _ = all.insert(name.clone(), merged(all.get(name).unwrap_or(&Value::Null), value)),
        }
    }
    Value::Object(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(status: Value) -> Value {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"},
               "spec": {"type": "LoadBalancer"}, "status": status})
    }

    #[test]
    fn keeps_writes_and_tells_of_them() {
        let mut store = Store::new(&[service(json!({}))]);
        let (start, all) = (store.version(), |_: &Value| true);
        assert_eq!(store.create(service(json!({}))), Err(Refusal::AlreadyExists));
        let target = Target::read("/api/v1/namespaces/shop/services/web/status").unwrap();
        let mut written = service(json!({"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}));
        written["spec"] = json!({});
        store.change(&target, |_| written.clone()).unwrap();
        written["metadata"]["resourceVersion"] = json!("1");
        assert_eq!(store.change(&target, |_| written), Err(Refusal::Conflict));
        let now = &store.list(all)[0];
        assert_eq!(now["spec"]["type"], "LoadBalancer");
        assert_eq!(now["status"]["loadBalancer"]["ingress"][0]["ip"], "10.0.0.1");
        store.remove(&Target::read("/api/v1/namespaces/shop/services/web").unwrap()).unwrap();
        let kinds: Vec<&str> = store.since(start, all).0.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, ["MODIFIED", "DELETED"]);
    }

    #[test]
    fn merges_patches() {
        let merged =
            merged(&json!({"a": {"b": 1, "c": 2}, "d": 3}), &json!({"a": {"b": null, "e": 4}, "d": [5]}));
        assert_eq!(merged, json!({"a": {"c": 2, "e": 4}, "d": [5]}));
    }
}
