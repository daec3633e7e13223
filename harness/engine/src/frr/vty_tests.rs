use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::*;

/// Reads commands until `count` of them came.
async fn commands(stream: &mut UnixStream, count: usize) -> Vec<String> {
    let mut bytes = Vec::new();
    while bytes.iter().filter(|byte| **byte == 0).count() < count {
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "the client went away");
    }
    bytes.split(|byte| *byte == 0).map(|c| String::from_utf8(c.to_vec()).unwrap()).take(count).collect()
}

fn pair() -> (Vty, UnixStream) {
    let (ours, daemon) = UnixStream::pair().unwrap();
    (Vty::new("bgpd", ours), daemon)
}

#[tokio::test]
async fn an_answer_in_single_bytes() {
    let (mut vty, mut daemon) = pair();
    let served = tokio::spawn(async move {
        let mut asked = commands(&mut daemon, 1).await;
        daemon.write_all(b"\0\0\0\0").await.unwrap();
        asked.extend(commands(&mut daemon, 1).await);
        for byte in b"hello\nworld\n\0\0\0\x02" {
            daemon.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        asked
    });
    let output = vty.run("show x").await.unwrap();
    assert_eq!(output, Output { text: "hello\nworld\n".into(), status: Status::NO_MATCH });
    assert_eq!(served.await.unwrap(), ["enable", "show x"]);
}

#[tokio::test]
async fn a_large_answer() {
    let (mut vty, mut daemon) = pair();
    let text = "{\"172.16.0.0/24\":[{}]},\n".repeat(700_000);
    let sent = text.clone();
    tokio::spawn(async move {
        commands(&mut daemon, 1).await;
        daemon.write_all(b"\0\0\0\0").await.unwrap();
        commands(&mut daemon, 1).await;
        daemon.write_all(sent.as_bytes()).await.unwrap();
        daemon.write_all(b"\0\0\0\0").await.unwrap();
    });
    let output = vty.run("show bgp ipv4 unicast json").await.unwrap();
    assert!(output.text == text && output.status == Status::SUCCESS);
}

#[tokio::test]
async fn lines_in_one_write_and_answers_in_order() {
    let (mut vty, mut daemon) = pair();
    tokio::spawn(async move {
        for _ in 0..2 {
            commands(&mut daemon, 1).await;
            daemon.write_all(b"\0\0\0\0").await.unwrap();
        }
        let asked = commands(&mut daemon, 3).await;
        assert_eq!(asked, ["router bgp 1", "bogus", "exit"]);
        daemon.write_all(b"\0\0\0\0% Unknown\n\0\0\0\x02\0\0").await.unwrap();
        daemon.write_all(b"\0\0").await.unwrap();
        assert_eq!(commands(&mut daemon, 1).await, ["end"]);
        daemon.write_all(b"\0\0\0\0").await.unwrap();
    });
    let answers = vty.config(&["router bgp 1", "bogus", "exit"]).await.unwrap();
    let refused: Vec<_> =
        answers.iter().filter(|a| !a.status.is_taken()).map(|a| (a.line, a.text.as_str())).collect();
    assert_eq!((answers.len(), refused), (3, vec![(1, "% Unknown\n")]));
}

#[tokio::test]
async fn a_daemon_that_dies_in_mid_answer() {
    let (mut vty, mut daemon) = pair();
    tokio::spawn(async move {
        commands(&mut daemon, 1).await;
        daemon.write_all(b"\0\0\0\0").await.unwrap();
        commands(&mut daemon, 1).await;
        daemon.write_all(b"{ half").await.unwrap();
    });
    let error = vty.run("show bgp neighbors json").await.unwrap_err();
    insta::assert_snapshot!(error, @r#"bgpd closed its vty after 6 bytes of the answer to "show bgp neighbors json""#);
    let error = vty.run("show version").await.unwrap_err();
    assert!(matches!(error, VtyError::Write { .. } | VtyError::Closed { .. }), "{error}");
}

#[tokio::test]
async fn what_cannot_be_said() {
    let (mut vty, _daemon) = pair();
    vty.enabled = true;
    for command in ["a\nb".to_owned(), "a\0b".to_owned(), "x".repeat(LONGEST + 1)] {
        assert!(matches!(vty.run(&command).await, Err(VtyError::Unspeakable { .. })));
    }
}

#[tokio::test]
async fn a_locked_datastore_is_waited_for() {
    let (mut vty, mut daemon) = pair();
    let served = tokio::spawn(async move {
        let mut asked = Vec::new();
        let locked = "% Can't enter config; running datastore locked by another session\n\0\0\0\x0d";
        for answer in ["\0\0\0\0", locked, "\0\0\0\0", "\0\0\0\0", "\0\0\0\0", "\0\0\0\0"] {
            asked.extend(commands(&mut daemon, 1).await);
            daemon.write_all(answer.as_bytes()).await.unwrap();
        }
        asked
    });
    vty.config_transaction(&[]).await.unwrap();
    let lock = "configure terminal file-lock";
    let rest = ["XFRR_start_configuration", "XFRR_end_configuration", "end"];
    assert_eq!(served.await.unwrap(), [&["enable", lock, lock][..], &rest].concat());
}
