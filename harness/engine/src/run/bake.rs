//! The last touch on a new root filesystem: Python's byte code for frr-reload.py. Package scripts would have made it;
//! without it every node compiles the same modules again at its first reload, which takes longer than the reload.

use std::io;
use std::path::Path;

use crate::image::{Finish, ImageError, Options, Store};
use crate::lab::{Command, Lab, LabError, LabSpec, NodeSpec};

/// Prints a tar archive of the byte code that running frr-reload.py left in the node's own layer. It is compiled anew so
/// that Python does not compare it with its source's time (PEP 552): the same packages give the same bytes, and a cache
/// that was copied without times stays as good.
const COLLECT: &str = "import glob,importlib.util,py_compile,sys,tarfile
unchecked=py_compile.PycInvalidationMode.UNCHECKED_HASH
t=tarfile.open(fileobj=sys.stdout.buffer,mode='w|')
for f in sorted(glob.glob('/usr/lib/python3*/**/__pycache__/*.pyc',recursive=True)):
    py_compile.compile(importlib.util.source_from_cache(f),cfile=f,doraise=True,invalidation_mode=unchecked)
    t.add(f,arcname=f[1:],recursive=False)
t.close()";

/// Changes whenever this module would make another tree.
const FINISH_FORMAT: u32 = 1;

/// Opens the store that runs use. Whatever looks into the cache must open it here: a store sees only the trees that
/// its own last step finished.
pub fn store(options: Options) -> Result<Store, ImageError> {
    Ok(Store::open(options)?.with_finish(Finish::new(FINISH_FORMAT, finish)))
}

/// Called on a blocking thread of a tokio runtime.
fn finish(tree: &Path) -> Result<(), String> {
    if !tree.join("usr/bin/python3").exists() || !tree.join("usr/lib/frr/frr-reload.py").exists() {
        return Ok(());
    }
    let baked = tokio::runtime::Handle::current().block_on(bake(tree));
    match baked {
        Ok(Some(archive)) => {
            unpack(tree, &archive).map_err(|e| format!("cannot add Python's byte code: {e}"))
        }
        // Where no lab can be booted, or an imported image's Python is too old for this, the tree is as good as before:
        // the first run says why no lab boots, and Python compiles for itself.
        Ok(None) | Err(_) => Ok(()),
    }
}

async fn bake(tree: &Path) -> Result<Option<Vec<u8>>, LabError> {
    // Beside the tree, in the pull's staging folder: whoever clears away a killed pull clears this away too.
    let folder = tempfile::tempdir_in(tree.parent().unwrap_or(tree)).map_err(LabError::Start)?;
    let node = NodeSpec {
        name: "bake".to_string(),
        hostname: "bake".to_string(),
        tree: tree.to_path_buf(),
        sysctls: Vec::new(),
        files: Vec::new(),
        interfaces: Vec::new(),
    };
    let spec = LabSpec { mount_point: folder.path().join("lab"), nodes: vec![node], ..LabSpec::default() };
    let lab = Lab::boot(spec, &folder.path().join("lab.log")).await?;
    let collected = async {
        let node = &lab.nodes[0];
        node.output(&Command::new(["/usr/bin/python3", "/usr/lib/frr/frr-reload.py", "--help"])).await?;
        let script = r#"PYTHONHASHSEED=0 /usr/bin/python3 -B -c "$0" > /tmp/byte-code.tar"#;
        let output = node.output(&Command::new(["/bin/sh", "-c", script, COLLECT])).await?;
        match output.exit.success() {
            true => node.read("/tmp/byte-code.tar").await.map(Some),
            false => Ok(None),
        }
    };
    let collected = collected.await;
    lab.shutdown().await;
    collected
}

fn unpack(tree: &Path, archive: &[u8]) -> io::Result<()> {
    let mut archive = tar::Archive::new(archive);
    archive.set_preserve_permissions(false);
    // `unpack` refuses members that lead out of the tree.
    archive.unpack(tree)
}
