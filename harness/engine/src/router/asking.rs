//! What a router says, by the questions of its profile.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ipnet::IpNet;
use routeproof_model::frr::Session;
use routeproof_model::profile::{AnswerError, Question, Told, told_prefixes, told_sessions, told_version};

use super::error::RouterError;
use super::running::{RunningRouter, said};

impl RunningRouter {
    /// The BGP sessions as the router tells them now.
    ///
    /// # Errors
    /// The router does not answer, or its answer is not what the profile reads.
    pub async fn sessions(&self) -> Result<Vec<Session>, RouterError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs() as i64);
        let read = |question: &Question, answer: &str| told_sessions(question, answer, now);
        let mut sessions = self.ask(&self.router.ask.sessions, None, read).await?;
        if !self.router.tells(Told::Uptime) {
            self.count_uptimes(&mut sessions, now);
        }
        Ok(sessions)
    }

    /// Where the router does not tell them: since when we have seen the sessions up, which is less. No expectation counts on it.
    fn count_uptimes(&self, sessions: &mut [Session], now: i64) {
        let Ok(mut up) = self.up.lock() else { return };
        up.retain(|peer, _| sessions.iter().any(|s| s.peer == *peer && s.established.is_some()));
        for session in sessions {
            if let Some(established) = &mut session.established {
                let since = up.entry(session.peer.clone()).or_insert_with(Instant::now);
                established.uptime_ms = since.elapsed().as_millis() as u64;
                established.since_epoch_s = now - since.elapsed().as_secs() as i64;
            }
        }
    }

    /// What the router sends to the peer of this index in its intent.
    ///
    /// # Errors
    /// As [`RunningRouter::sessions`], and a profile without the question.
    pub async fn advertised(&self, peer: usize) -> Result<Vec<IpNet>, RouterError> {
        let question = self.router.ask.advertised.as_ref().ok_or_else(|| self.no_question("advertised"))?;
        self.ask(question, Some(peer), told_prefixes).await
    }

    /// What the router has from the peer of this index in its intent.
    ///
    /// # Errors
    /// As [`RunningRouter::advertised`].
    pub async fn received(&self, peer: usize) -> Result<Vec<IpNet>, RouterError> {
        let question = self.router.ask.received.as_ref().ok_or_else(|| self.no_question("received"))?;
        self.ask(question, Some(peer), told_prefixes).await
    }

    /// # Errors
    /// As [`RunningRouter::sessions`].
    pub async fn version(&self) -> Result<String, RouterError> {
        self.ask(&self.router.ask.version, None, told_version).await
    }

    /// The answer to the question about sessions, as it was given.
    ///
    /// # Errors
    /// The router does not answer.
    pub async fn sessions_in_its_words(&self) -> Result<String, RouterError> {
        let argv = self.argv(&self.router.ask.sessions.command, None)?;
        Ok(said(&self.must(&argv).await?))
    }

    async fn ask<T>(
        &self,
        question: &Question,
        peer: Option<usize>,
        read: impl Fn(&Question, &str) -> Result<T, AnswerError>,
    ) -> Result<T, RouterError> {
        self.daemons.check_alive()?;
        let argv = self.argv(&question.command, peer)?;
        let output = self.must(&argv).await?;
        read(question, &output.stdout).map_err(|source| RouterError::Answer {
            node: self.node.name().into(),
            command: argv.join(" "),
            source,
        })
    }
}
