//! The signature on a suite's `InRelease` file, checked against Debian's archive keys.
//!
//! The keys are committed as text in `harness/engine/keys`; see the README there for where they come from.

use pgp::composed::{CleartextSignedMessage, Deserializable, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::types::{KeyDetails, VerifyingKey};

/// Debian's archive signing keys, oldest release first.
const KEYS: [&str; 6] = [
    include_str!("../../keys/bullseye-automatic.asc"),
    include_str!("../../keys/bullseye-stable.asc"),
    include_str!("../../keys/bookworm-automatic.asc"),
    include_str!("../../keys/bookworm-stable.asc"),
    include_str!("../../keys/trixie-automatic.asc"),
    include_str!("../../keys/trixie-stable.asc"),
];

/// Keys that may sign a Release file. [`Keyring::debian`] is the only one outside tests.
pub(super) struct Keyring(Vec<SignedPublicKey>);

impl Keyring {
    pub fn debian() -> Result<Keyring, String> {
        Keyring::parse(&KEYS)
    }

    pub fn parse(armored: &[&str]) -> Result<Keyring, String> {
        let parse = |text: &&str| match SignedPublicKey::from_string(text) {
            Ok((key, _)) => Ok(key),
            Err(e) => Err(format!("a built-in archive key cannot be read: {e}")),
        };
        armored.iter().map(parse).collect::<Result<_, _>>().map(Keyring)
    }

    /// The signed text of a clear-signed message, if at least one signature is a good one by a known key.
    ///
    /// Only what the signature covers is returned, never the file's text as it came.
    pub fn verify(&self, message: &str) -> Result<String, String> {
        let (message, _) = CleartextSignedMessage::from_string(message)
            .map_err(|e| format!("it is not a clear-signed OpenPGP message: {e}"))?;
        let text = message.signed_text();
        let mut reasons = Vec::new();
        for signature in message.signatures() {
            match self.verify_one(signature, text.as_bytes()) {
                Ok(()) => return Ok(text),
                Err(reason) => reasons.push(reason),
            }
        }
        if reasons.is_empty() {
            reasons.push("it carries no signature".to_owned());
        }
        reasons.dedup();
        Err(reasons.join("; "))
    }

    fn verify_one(&self, signature: &Signature, text: &[u8]) -> Result<(), String> {
        let strong = matches!(
            signature.hash_alg(),
            Some(HashAlgorithm::Sha256 | HashAlgorithm::Sha384 | HashAlgorithm::Sha512)
        );
        if !strong {
            return Err(format!("a signature uses the weak hash {:?}", signature.hash_alg()));
        }
        let mut reason = None;
        for key in &self.0 {
            let checked = match signer_in(key, signature) {
                None => continue,
                Some(Signer::Primary) => {
                    primary_usable(key, signature).and_then(|()| good(signature, &key.primary_key, text))
                }
                Some(Signer::Subkey(sub)) => primary_usable(key, signature)
                    .and_then(|()| subkey_usable(key, sub, signature))
                    .and_then(|()| good(signature, &sub.key, text)),
            };
            match checked {
                Ok(()) => return Ok(()),
                Err(e) => reason = Some(e),
            }
        }
        Err(reason.unwrap_or_else(|| {
            let ids: Vec<String> = signature.issuer_key_id().iter().map(ToString::to_string).collect();
            format!(
                "signed by key {}, which is not an archive key of Debian that routeproof knows",
                ids.join(" ")
            )
        }))
    }
}

enum Signer<'a> {
    Primary,
    Subkey(&'a SignedPublicSubKey),
}

/// The part of `key` that a signature says made it.
fn signer_in<'a>(key: &'a SignedPublicKey, signature: &Signature) -> Option<Signer<'a>> {
    let names = |k: &dyn KeyDetails| {
        let (fingerprint, id) = (k.fingerprint(), k.legacy_key_id());
        signature.issuer_fingerprint().contains(&&fingerprint) || signature.issuer_key_id().contains(&&id)
    };
    if names(&key.primary_key) {
        return Some(Signer::Primary);
    }
    key.public_subkeys.iter().find(|s| names(&s.key)).map(Signer::Subkey)
}

fn good(signature: &Signature, key: &impl VerifyingKey, text: &[u8]) -> Result<(), String> {
    signature
        .verify(key, text)
        .map_err(|_| format!("the signature by key {} does not match the text", key.legacy_key_id()))
}

/// The primary key's own signatures hold, it is not revoked, and it had not expired when it signed.
///
/// Expiry is judged at the time of the signature, not now: suites that moved to the archive stay verifiable.
fn primary_usable(key: &SignedPublicKey, signature: &Signature) -> Result<(), String> {
    let id = key.primary_key.legacy_key_id();
    key.details.verify_bindings(&key.primary_key).map_err(|e| format!("key {id} is inconsistent: {e}"))?;
    if !key.details.revocation_signatures.is_empty() {
        return Err(format!("key {id} is revoked"));
    }
    let own = key.details.users.iter().flat_map(|u| &u.signatures).chain(&key.details.direct_signatures);
    in_time(&key.primary_key, own, signature)
}

/// The subkey is bound to its primary key both ways, may sign, is not revoked and had not expired when it signed.
fn subkey_usable(
    key: &SignedPublicKey,
    sub: &SignedPublicSubKey,
    signature: &Signature,
) -> Result<(), String> {
    let id = sub.key.legacy_key_id();
    sub.verify_bindings(&key.primary_key).map_err(|e| format!("subkey {id} is not bound to its key: {e}"))?;
    if sub.signatures.iter().any(|s| s.typ() == Some(SignatureType::SubkeyRevocation)) {
        return Err(format!("subkey {id} is revoked"));
    }
    if !sub.signatures.iter().any(|s| s.key_flags().sign()) {
        return Err(format!("subkey {id} is not a signing key"));
    }
    in_time(&sub.key, sub.signatures.iter(), signature)
}

/// Whether `signature` was made between the key's creation and its expiry, as its newest self-signature says.
fn in_time<'a>(
    key: &dyn KeyDetails,
    own: impl Iterator<Item = &'a Signature>,
    signature: &Signature,
) -> Result<(), String> {
    let id = key.legacy_key_id();
    let made = u64::from(signature.created().ok_or("a signature has no date")?.as_secs());
    let born = u64::from(key.created_at().as_secs());
    let newest = own.max_by_key(|s| s.created().map(|t| t.as_secs()));
    let newest = newest.ok_or_else(|| format!("key {id} has no signature of its own"))?;
    let life =
        newest.key_expiration_time().map(|d| std::time::Duration::from(d).as_secs()).filter(|&s| s > 0);
    if made < born {
        return Err(format!("a signature is older than its key {id}"));
    }
    if life.is_some_and(|life| made > born + life) {
        return Err(format!("key {id} had expired when it signed"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_keys_are_whole() {
        for key in &Keyring::debian().unwrap().0 {
            key.verify_bindings().unwrap();
            assert!(key.details.revocation_signatures.is_empty());
        }
    }

    /// An ed25519 key that certifies, with a subkey that signs.
    const TEST_KEY: &str = include_str!("testdata/test-key.asc");

    fn verify(keys: &[&str], message: &str) -> Result<String, String> {
        Keyring::parse(keys).unwrap().verify(message)
    }

    #[test]
    fn one_good_signature_by_a_known_subkey_suffices() {
        let both = include_str!("testdata/by-unknown-and-known.asc");
        assert_eq!(verify(&[TEST_KEY], both).unwrap().trim(), "Suite: tested");
        let stranger = verify(&[TEST_KEY], include_str!("testdata/by-unknown.asc")).unwrap_err();
        assert!(stranger.contains("not an archive key"), "{stranger}");
    }

    #[test]
    fn expiry_is_judged_at_the_time_of_the_signature() {
        // Signed on 20 January 2020, by a key whose expiry was first in February, then moved to 10 January.
        let message = include_str!("testdata/by-expired.asc");
        assert!(verify(&[include_str!("testdata/expiry-february.asc")], message).is_ok());
        let refused = verify(&[include_str!("testdata/expired-key.asc")], message).unwrap_err();
        assert!(refused.contains("had expired when it signed"), "{refused}");
    }

    #[test]
    fn text_before_after_or_instead_of_the_signed_text_is_refused() {
        let good = include_str!("testdata/by-unknown-and-known.asc");
        for bad in [
            good.replace("Suite: tested", "Suite: forged"),
            format!("Suite: forged\n{good}"),
            format!("{good}\nSuite: forged\n"),
            good.replace("BEGIN PGP SIGNED MESSAGE", "BEGIN PGP MESSAGE"),
        ] {
            assert!(verify(&[TEST_KEY], &bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn text_without_a_signature_is_refused() {
        let keys = Keyring::debian().unwrap();
        assert!(keys.verify("Origin: Debian\n").is_err());
        assert!(keys.verify("").is_err());
    }
}
