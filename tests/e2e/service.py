"""The watermark service as config/examples/watermark.yaml has it: Tidegate on both sides of the API."""
from pathlib import Path

import servers
from programs import BIN, OPTIMIZER, ROOT, Program, free_port, metric

_SECRETS = ("admin_token", "redis_password", "rabbitmq_password", "webhook_secret")


class Service:
    """Optimizer, API and the example's Tidegate, by themselves: the API with its embedded stores, broker and Redis away."""

    def __init__(self, folder, environment=None):
        self.folder = Path(folder)
        self.folder.mkdir(exist_ok=True)
        secrets = self.folder / "secrets"
        secrets.mkdir()
        for name in _SECRETS:
            (secrets / name).write_text(self.secret(name) + "\n")
        config = self.folder / "watermark.yaml"
        shipped = (ROOT / "config" / "examples" / "watermark.yaml").read_text()
        config.write_text(shipped.replace("${file:/run/secrets/", f"${{file:{secrets}/"))
        at = {name: f"127.0.0.1:{free_port()}" for name in ("optimizer", "api", "egress", "ingress", "admin")}
        self.urls = {name: f"http://{address}" for name, address in at.items()}
        self.optimizer = Program("optimizer", [OPTIMIZER, "--listen", at["optimizer"], "--allow-faults"],
                                 self.folder / "optimizer.log", self.urls["optimizer"] + "/health")
        self.tidegate = Program("tidegate", [BIN / "tidegate", "run", "-c", config], self.folder / "tidegate.log",
                                self.urls["admin"] + "/health",
                                {"TIDEGATE_STATE_DIR": str(self.folder), "TIDEGATE_ADMIN_ADDRESS": at["admin"],
                                 "OPTIMIZER_ADDRESS": at["optimizer"], "API_ADDRESS": at["api"],
                                 "EGRESS_ADDRESS": at["egress"], "INGRESS_ADDRESS": at["ingress"],
                                 "RABBITMQ_ADDRESS": "127.0.0.1:1", "REDIS_ADDRESS": "127.0.0.1:1", **(environment or {})})
        self.api = Program("api", [BIN / "watermark-api"], self.folder / "api.log", self.urls["api"] + "/health",
                           {"LISTEN": at["api"], "OPTIMIZER_URL": self.urls["egress"],
                            "STATE_DIR": str(self.folder / "api"), "TRUSTED_PROXIES": "127.0.0.0/8",
                            "WEBHOOK_SECRET_FILE": str(secrets / "webhook_secret")})
        self.programs = [self.optimizer, self.tidegate, self.api]

    @staticmethod
    def secret(name):
        return "guest" if name == "rabbitmq_password" else f"sixteen-bytes-of-{name}"

    def __enter__(self):
        try:
            for program in self.programs:
                program.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for program in reversed(self.programs):
            if program.process and program.process.poll() is None:
                program.stop()

    def places(self, which):
        places = metric(self.urls["admin"], f'tidegate_bulkhead_{which}{{bulkhead="upload"}}')
        assert places is not None, "the uploads have no bulkhead"
        return places


class WholeService(Service):
    """The same on a real Redis, RabbitMQ and MinIO."""

    def __init__(self, folder, environment=None):
        folder = Path(folder)
        self.redis = servers.Redis(folder / "redis", password=self.secret("redis_password"))
        self.rabbitmq = servers.RabbitMQ(folder / "rabbitmq")
        self.minio = servers.MinIO(folder / "minio")
        self.servers = [self.redis, self.rabbitmq, self.minio]
        redis = f"127.0.0.1:{self.redis.port}"
        super().__init__(folder / "service", {
            "RABBITMQ_USER": "guest", "RABBITMQ_ADDRESS": f"127.0.0.1:{self.rabbitmq.port}", "REDIS_ADDRESS": redis,
            "S3_ADDRESS": f"127.0.0.1:{self.minio.port}", **(environment or {})})
        self.api.environment.update(self.minio.settings(), REDIS_URL=f"redis://:{self.redis.password}@{redis}/0")

    @staticmethod
    def missing():
        """Which of the servers are not installed here."""
        return [kind.name for kind in (servers.Redis, servers.RabbitMQ, servers.MinIO) if not kind.is_here()]

    def __enter__(self):
        for server in self.servers:
            server.start()
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        for server in self.servers:
            server.end()
