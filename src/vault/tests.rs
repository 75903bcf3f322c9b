use zeroize::Zeroizing;

use super::*;

/// Written by ansible-vault 2.19 with the salt `salty`.
const FORMAT_1_1: &str = include_str!("testdata/salty_1_1.vault");
const FORMAT_1_2: &str = include_str!("testdata/salty_1_2.vault");
const PLAIN: &[u8] = b"this is salty\n";

fn keyring(ids: &[(&str, &str)]) -> Keyring {
    let secret = |(id, password): &(&str, &str)| {
        VaultSecret::new(*id, Zeroizing::new(password.as_bytes().to_vec()))
    };
    Keyring::new(ids.iter().map(secret).collect(), false)
}

#[test]
fn writes_what_the_reference_writes() {
    for (id, expected) in [("default", FORMAT_1_1), ("prod", FORMAT_1_2)] {
        let ring = keyring(&[(id, "example1")]);
        let secret = ring.encrypting(None).unwrap().unwrap();
        assert_eq!(encrypt(PLAIN, secret, id, Some(b"salty")).unwrap(), expected);
    }
}

#[test]
fn opens_with_any_password_and_the_right_id_first() {
    for ids in [
        &[("default", "example1")][..],
        &[("default", "wrong"), ("prod", "example1")],
        &[("prod", "example1"), ("other", "wrong")],
    ] {
        for text in [FORMAT_1_1, FORMAT_1_2] {
            let ring = keyring(ids);
            let (plain, secret) = ring.decrypt(text.as_bytes()).unwrap();
            assert_eq!(plain.as_slice(), PLAIN);
            assert_eq!(secret.id(), ids.iter().find(|(_, word)| *word == "example1").unwrap().0);
        }
    }
    let strict = Keyring::new(keyring(&[("default", "example1")]).secrets().to_vec(), true);
    assert!(strict.decrypt(FORMAT_1_1.as_bytes()).is_ok());
    assert!(matches!(strict.decrypt(FORMAT_1_2.as_bytes()), Err(VaultError::WrongSecrets)));
}

#[test]
fn what_was_locked_opens_and_salts_differ() {
    let ring = keyring(&[("default", "pässword")]);
    let secret = ring.encrypting(None).unwrap().unwrap();
    for plain in [&b""[..], b"x", &[7; 16], &[0xff; 1000]] {
        let [one, other] = [0, 1].map(|_| encrypt(plain, secret, "default", None).unwrap());
        assert_ne!(one, other);
        assert_eq!(ring.decrypt(one.as_bytes()).unwrap().0.as_slice(), plain);
    }
}

#[test]
fn refuses_as_the_reference_does() {
    let ring = keyring(&[("default", "example1"), ("prod", "x")]);
    let damaged = FORMAT_1_1.replacen("39613634", "39613635", 1);
    let damaged = damaged.replacen("30396461", "30396462", 1);
    for (text, said) in [
        ("plain", "Input is not vault encrypted data."),
        ("$ANSIBLE_VAULT;1.1", "Vault envelope format error: list index out of range"),
        ("$ANSIBLE_VAULT;1.1;AES\n61", "Cipher 'AES' could not be found."),
        ("$ANSIBLE_VAULT;1.1;AES256\n616", "Vault format unhexlify error: Odd-length string"),
        (
            "$ANSIBLE_VAULT;1.1;AES256\n6x",
            "Vault format unhexlify error: Non-hexadecimal digit found",
        ),
        (
            "$ANSIBLE_VAULT;1.1;AES256\n6161",
            "Vault vaulttext format error: not enough values to unpack (expected 3, got 1)",
        ),
        (&damaged, "Decryption failed (no vault secrets were found that could decrypt)."),
    ] {
        assert_eq!(ring.decrypt(text.as_bytes()).unwrap_err().to_string(), said);
    }
    assert_eq!(
        Keyring::default().decrypt(FORMAT_1_1.as_bytes()).unwrap_err().to_string(),
        "Attempting to decrypt but no vault secrets found."
    );
    assert_eq!(
        ring.encrypting(Some("dev")).unwrap_err().to_string(),
        "Did not find a match for --encrypt-vault-id=dev in the known vault-ids ['default', 'prod']"
    );
    let secret = ring.encrypting(None).unwrap().unwrap();
    assert!(matches!(
        encrypt(FORMAT_1_1.as_bytes(), secret, "default", None),
        Err(VaultError::AlreadyEncrypted)
    ));
}

#[test]
fn an_opened_value_keeps_its_nature_until_it_is_changed() {
    let value = wrapped("$ANSIBLE_VAULT;1.1;AES256\nfa\n", "hi");
    assert_eq!(ciphertext_of(&value.clone()).as_deref(), Some("$ANSIBLE_VAULT;1.1;AES256\nfa\n"));
    let same_text = minijinja::Value::from("hi");
    assert_eq!((ciphertext_of(&same_text), value.as_str()), (None, Some("hi")));
    assert!(revealed_since(0).iter().any(|secret| secret.as_str() == "hi"));
}
