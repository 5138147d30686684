"""What kafka-python's fixtures import, and its source distribution lacks: services that run elsewhere, or are started."""


class ExternalService:
    def __init__(self, host, port):
        self.host, self.port = host, port

    def open(self):
        pass

    def close(self):
        pass


class SpawnedService:
    def __init__(self, args=None, env=None):
        raise RuntimeError("no broker is started here: tests run against the one that KAFKA_URI names")
