package dev.millrace.examples;

import dev.millrace.error.MillraceException;
import dev.millrace.job.EnqueueInterceptor;
import dev.millrace.job.JacksonArgsCodec;
import dev.millrace.job.NewJob;
import dev.millrace.worker.handler.HandlerInterceptor;
import dev.millrace.worker.handler.Result;
import dev.millrace.worker.handler.RunningJob;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Map;
import java.util.Set;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the arguments of some kinds secret from whoever reads the database: AES-GCM, bound to the kind, in a JSON envelope that
 * names its key. To rotate, add the new key to all workers, then make it the current one of the producers, and take the old one
 * away when no job under it is left. What can't be decrypted is a failed attempt that says so. Not encrypted: kind, queue, tags,
 * metadata, output, errors; nor can such a job be unique by its arguments, since equal ones are different when encrypted. Safe for
 * use by many threads.
 */
public final class ArgsEncryption implements EnqueueInterceptor, HandlerInterceptor {

    private static final String ALGORITHM = "AES/GCM/NoPadding";
    /** NIST SP 800-38D: a random IV of 96 bits is safe for 2^32 messages of one key. */
    private static final int IV_BYTES = 12;

    private static final int TAG_BITS = 128;

    private final Set<String> kinds;
    private final String currentKey;
    private final Map<String, SecretKey> keys;
    private final SecureRandom random = new SecureRandom();
    private final JacksonArgsCodec json = new JacksonArgsCodec();

    /**
     * What is stored in place of the arguments.
     *
     * @param key id of the key
     * @param iv initialisation vector, Base64
     * @param sealed the encrypted arguments and their tag, Base64
     */
    record Envelope(
            @Nullable String key,
            @Nullable String iv,
            @Nullable String sealed) {}

    /**
     * Encryption with the current key, decryption with all.
     *
     * @param kinds whose arguments are encrypted; a job of these that is not is refused
     * @param currentKey id of the key to encrypt with
     * @param keys AES keys by id
     * @throws IllegalArgumentException if the current key is not among the keys
     */
    public ArgsEncryption(Set<String> kinds, String currentKey, Map<String, SecretKey> keys) {
        if (!keys.containsKey(currentKey)) {
            throw new IllegalArgumentException("Key '" + currentKey + "' is not among " + keys.keySet());
        }
        this.kinds = Set.copyOf(kinds);
        this.currentKey = currentKey;
        this.keys = Map.copyOf(keys);
    }

    @Override
    public NewJob beforeEnqueue(NewJob job) {
        return kinds.contains(job.kind()) ? job.withArgs(seal(job)) : job;
    }

    @Override
    public Result intercept(RunningJob job, String args, Next next) throws Exception {
        return next.proceed(kinds.contains(job.kind()) ? open(job, args) : args);
    }

    private String seal(NewJob job) {
        byte[] iv = new byte[IV_BYTES];
        random.nextBytes(iv);
        try {
            byte[] sealed = cipher(Cipher.ENCRYPT_MODE, currentKey, iv, job.kind())
                    .doFinal(job.args().getBytes(StandardCharsets.UTF_8));
            Base64.Encoder base64 = Base64.getEncoder();
            return json.encode(new Envelope(currentKey, base64.encodeToString(iv), base64.encodeToString(sealed)));
        } catch (GeneralSecurityException failure) {
            throw new MillraceException("Arguments of a job of kind " + job.kind() + " can't be encrypted", failure);
        }
    }

    private String open(RunningJob job, String args) {
        Envelope envelope = args.startsWith("{") ? (Envelope) json.decode(args, Envelope.class) : null;
        if (envelope == null || envelope.key() == null || envelope.iv() == null || envelope.sealed() == null) {
            throw refusal(job, "they are not encrypted", null);
        }
        if (!keys.containsKey(envelope.key())) {
            throw refusal(job, "key '" + envelope.key() + "' is not known here", null);
        }
        try {
            Base64.Decoder base64 = Base64.getDecoder();
            byte[] opened = cipher(Cipher.DECRYPT_MODE, envelope.key(), base64.decode(envelope.iv()), job.kind())
                    .doFinal(base64.decode(envelope.sealed()));
            return new String(opened, StandardCharsets.UTF_8);
        } catch (GeneralSecurityException | IllegalArgumentException failure) {
            throw refusal(job, "key '" + envelope.key() + "' is another than theirs, or they were changed", failure);
        }
    }

    /** The kind is authenticated with the arguments, so that they can't be moved to a job of another kind. */
    private Cipher cipher(int mode, String key, byte[] iv, String kind) throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance(ALGORITHM);
        cipher.init(mode, keys.get(key), new GCMParameterSpec(TAG_BITS, iv));
        cipher.updateAAD(kind.getBytes(StandardCharsets.UTF_8));
        return cipher;
    }

    private static MillraceException refusal(RunningJob job, String why, @Nullable Throwable cause) {
        return new MillraceException(
                "can't decrypt the arguments of job " + job.id() + " (" + job.kind() + "): " + why, cause);
    }
}
