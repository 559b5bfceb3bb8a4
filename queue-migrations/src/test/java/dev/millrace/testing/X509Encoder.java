package dev.millrace.testing;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.HexFormat;
import java.util.List;
import javax.security.auth.x500.X500Principal;

/** Certificates of one authority with an EC key, in DER (RFC 5280): the JDK has no public class that makes any. */
final class X509Encoder {

    private static final int BOOLEAN = 0x01;
    private static final int INTEGER = 0x02;
    private static final int BIT_STRING = 0x03;
    private static final int OCTET_STRING = 0x04;
    private static final int UTC_TIME = 0x17;
    private static final int SEQUENCE = 0x30;
    private static final int DNS_NAME = 0x82;
    private static final int IP_ADDRESS = 0x87;
    private static final int VERSION = 0xa0;
    private static final int EXTENSIONS = 0xa3;

    private static final byte[] ECDSA_WITH_SHA256 = hex("06082a8648ce3d040302");
    private static final byte[] KEY_USAGE = hex("0603551d0f");
    private static final byte[] ALTERNATIVE_NAME = hex("0603551d11");
    private static final byte[] BASIC_CONSTRAINTS = hex("0603551d13");
    private static final byte[] SIGNS_CERTIFICATES = hex("03020204");
    private static final byte[] SIGNS_DATA = hex("03020780");
    private static final byte[] TRUE = der(BOOLEAN, new byte[] {(byte) 0xff});

    private final X500Principal name;
    private final PrivateKey key;
    private final Instant from;
    private byte serial;

    /** All certificates are valid from that instant on. */
    X509Encoder(String name, PrivateKey key, Instant from) {
        this.name = new X500Principal(name);
        this.key = key;
        this.from = from;
    }

    byte[] authority(PublicKey own, Instant until) throws GeneralSecurityException {
        return signed(
                name,
                own,
                until,
                extension(BASIC_CONSTRAINTS, der(SEQUENCE, TRUE)),
                extension(KEY_USAGE, SIGNS_CERTIFICATES));
    }

    /** The first name is the common name too; what looks like an IPv4 address becomes one. */
    byte[] server(PublicKey own, List<String> names, Instant until) throws GeneralSecurityException, IOException {
        ByteArrayOutputStream alternatives = new ByteArrayOutputStream();
        for (String each : names) {
            alternatives.writeBytes(
                    each.matches("[0-9.]+")
                            ? der(IP_ADDRESS, InetAddress.getByName(each).getAddress())
                            : der(DNS_NAME, each.getBytes(StandardCharsets.US_ASCII)));
        }
        return signed(
                new X500Principal("CN=" + names.get(0)),
                own,
                until,
                extension(BASIC_CONSTRAINTS, der(SEQUENCE)),
                extension(KEY_USAGE, SIGNS_DATA),
                extension(ALTERNATIVE_NAME, der(SEQUENCE, alternatives.toByteArray())));
    }

    private byte[] signed(X500Principal subject, PublicKey own, Instant until, byte[]... extensions)
            throws GeneralSecurityException {
        byte[] algorithm = der(SEQUENCE, ECDSA_WITH_SHA256);
        byte[] content = der(
                SEQUENCE,
                der(VERSION, der(INTEGER, new byte[] {2})),
                der(INTEGER, new byte[] {++serial}),
                algorithm,
                name.getEncoded(),
                der(SEQUENCE, time(from), time(until)),
                subject.getEncoded(),
                own.getEncoded(),
                der(EXTENSIONS, der(SEQUENCE, extensions)));
        Signature signature = Signature.getInstance("SHA256withECDSA");
        signature.initSign(key);
        signature.update(content);
        return der(SEQUENCE, content, algorithm, der(BIT_STRING, new byte[] {0}, signature.sign()));
    }

    private static byte[] extension(byte[] type, byte[] value) {
        return der(SEQUENCE, type, TRUE, der(OCTET_STRING, value));
    }

    private static byte[] time(Instant instant) {
        String text = DateTimeFormatter.ofPattern("yyMMddHHmmss'Z'")
                .withZone(ZoneOffset.UTC)
                .format(instant);
        return der(UTC_TIME, text.getBytes(StandardCharsets.US_ASCII));
    }

    private static byte[] der(int tag, byte[]... parts) {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            content.writeBytes(part);
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(tag);
        int length = content.size();
        if (length >= 0x80) {
            if (length >= 0x100) {
                out.write(0x82);
                out.write(length >> 8);
            } else {
                out.write(0x81);
            }
        }
        out.write(length);
        out.writeBytes(content.toByteArray());
        return out.toByteArray();
    }

    private static byte[] hex(String digits) {
        return HexFormat.of().parseHex(digits);
    }
}
