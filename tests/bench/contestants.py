"""The proxies that are compared: how each is found, configured and started."""

import os
import pathlib
import shutil
import subprocess

from processes import BenchError, free_ports

HERE = pathlib.Path(__file__).resolve().parent
NAMES = ("relay", "relay-splice", "tidegate", "haproxy", "nginx", "nginx-stream", "envoy")
DEFAULT_NAMES = tuple(name for name in NAMES if name != "relay-splice")
FLOOR = "relay"
TLS_NAMES = ("tidegate", "haproxy", "nginx", "nginx-stream")  # those that can end TLS here

# nginx buffers responses by default. Without that, and with a buffer just below the largest segment of the loopback, it
# relays large responses in half the time.
NGINX_BUFFERS = {
    "nginx": "proxy_buffer_size 32k; proxy_buffers 16 32k; proxy_busy_buffers_size 64k;",
    "nginx-stream": "proxy_buffering off; proxy_buffer_size 60k; proxy_buffers 8 60k;",
}


class Contestant:
    """A started proxy: where it listens and which process's tree to measure."""

    def __init__(self, name, port, process, version):
        self.name = name
        self.port = port
        self.process = process
        self.version = version


# Of --tls: what each template adds. One version and cipher for all, sessions of before are not continued (connections are
# kept, and the handshakes are not measured).
TLS_SETTINGS = {
    "tidegate": "tls: {{cert_file: {cert}, key_file: {key}, min_version: '1.3'}}",
    "haproxy": "ssl crt {both} ssl-min-ver TLSv1.3 ciphersuites TLS_AES_256_GCM_SHA384 alpn http/1.1",
    "nginx": "ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.3;",
}


class Identity:
    """The certificate of all contestants, made with openssl; it is its own authority."""

    def __init__(self, folder):
        self.cert, self.key, self.both = (pathlib.Path(folder) / f"tls.{end}" for end in ("crt", "key", "pem"))
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                   "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-keyout", self.key, "-out",
                   self.cert]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
        except (OSError, subprocess.CalledProcessError) as error:
            raise BenchError(f"openssl makes no certificate: {getattr(error, 'stderr', error)}") from error
        self.both.write_text(self.cert.read_text() + self.key.read_text())

    def settings_of(self, name):
        return TLS_SETTINGS[name.removesuffix("-stream")].format(cert=self.cert, key=self.key, both=self.both)


def fill_template(template, folder, values):
    """Writes HERE/template into the folder with each @KEY@ replaced, and returns the path."""
    text = (HERE / template).read_text()
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    path = pathlib.Path(folder) / template
    path.write_text(text)
    return path


def find_binary(name, options):
    """The path of the program, or a BenchError that says what to do."""
    if name in ("relay", "relay-splice"):
        return require_file(options.programs / "bench-relay", "build the preset `bench`")
    if name == "tidegate":
        return require_file(options.tidegate, "build it first, or name it with --tidegate")
    if name == "envoy" and options.envoy:
        return require_file(options.envoy, "check --envoy")
    # Debian keeps servers in sbin, which is not on every user's PATH.
    found = shutil.which(name.removesuffix("-stream"), path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if not found:
        raise BenchError("not installed")
    return found


def require_file(path, advice):
    path = pathlib.Path(path).resolve()
    if not os.access(path, os.X_OK) or path.is_dir():
        raise BenchError(f"no program at {path}: {advice}")
    return path


def version_of(name, binary):
    flag = {"tidegate": "version", "haproxy": "-v", "nginx": "-v", "nginx-stream": "-v", "envoy": "--version"}.get(name)
    if flag is None:
        return ""
    result = subprocess.run([binary, flag], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=10)
    lines = [line.strip() for line in result.stdout.splitlines() if line.strip()]
    return lines[0].replace(str(binary), name).strip() if lines else ""


def command_of(name, binary, folder, ports, upstream_port, identity):
    folder = pathlib.Path(folder) / name
    folder.mkdir()
    port, admin_port = ports
    values = {"LISTEN": port, "ADMIN": admin_port, "UPSTREAM": upstream_port, "FOLDER": folder,
              "TLS": identity.settings_of(name) if identity else "", "SSL": "ssl" if identity else ""}
    if name in ("relay", "relay-splice"):
        splice = ["--splice"] if name == "relay-splice" else []
        return [binary, "--listen", port, "--upstream", upstream_port, *splice]
    if name == "tidegate":
        return [binary, "run", "-c", fill_template("tidegate.yaml", folder, values)]
    if name == "haproxy":
        return [binary, "-db", "-f", fill_template("haproxy.cfg", folder, values)]
    if name in NGINX_BUFFERS:
        values["BUFFERS"] = NGINX_BUFFERS[name]
        return [binary, "-e", "stderr", "-p", folder, "-c", fill_template("nginx.conf", folder, values)]
    return [binary, "-c", fill_template("envoy.yaml", folder, values), "--concurrency", "1", "--log-level", "error",
            "--disable-hot-restart"]


def start(name, options, fleet, folder, upstream_port, core, identity=None):
    """Starts one contestant; with an identity it listens by TLS. BenchError: it is not installed or does not start."""
    binary = find_binary(name, options)
    ports = free_ports(2)
    command = command_of(name, binary, folder, ports, upstream_port, identity)
    process = fleet.start_server(name, command, core, ports[0])
    return Contestant(name, ports[0], process, version_of(name, binary))
