"""Settings, from environment variables with the prefix ARCFLEET_. No instance is made at import."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

CLOUDS: dict[str, tuple[str, str]] = {
    "AzureCloud": ("https://management.azure.com", "login.microsoftonline.com"),
    "AzureUSGovernment": ("https://management.usgovcloudapi.net", "login.microsoftonline.us"),
    "AzureChinaCloud": ("https://management.chinacloudapi.cn", "login.chinacloudapi.cn"),
}
"""Cloud names as `az cloud list` has them -> Azure Resource Manager's endpoint and the sign-in authority."""
ENTRA: dict[str, tuple[str, str]] = {
    "AzureCloud": ("https://login.microsoftonline.com", "https://sts.windows.net"),
    "AzureUSGovernment": ("https://login.microsoftonline.us", "https://sts.windows.net"),
    "AzureChinaCloud": ("https://login.partner.microsoftonline.cn", "https://sts.chinacloudapi.cn"),
}
"""Cloud names -> what the issuers of Entra ID's tokens begin with, of version 2 and of version 1."""


class Settings(BaseSettings):
    """How arcfleet reaches Azure and the clusters.

    Plain http and working without a credential are for rehearsals: they are accepted for loopback addresses only.
    """

    model_config = SettingsConfigDict(env_prefix="ARCFLEET_", frozen=True, hide_input_in_errors=True)

    home: Path = Field(default_factory=lambda: Path.home() / ".arcfleet")
    """Where the embedded Prefect server keeps its files."""
    cloud: Literal["AzureCloud", "AzureUSGovernment", "AzureChinaCloud"] = "AzureCloud"
    credential: Literal["default", "none"] = "default"
    """`default` is azure-identity's DefaultAzureCredential; `none` signs nothing."""
    arm_endpoint: str | None = None
    """Azure Resource Manager's address, where it is not the cloud's own."""
    registry_endpoint: str | None = None
    """Connect here for every cloud registry, its host name in the Host header, like curl's --connect-to."""
    registry_api: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}(-preview)?$")
    """The API version of the container registry provider; the SDK's own, a stable one, where not given."""
    kubeconfig: Path | None = None
    """The kubeconfig of all sites that name none; kubectl's own where not given."""
    kubeconfig_content: SecretStr | None = None
    """A kubeconfig's text, for where no file is wanted. Wins over `kubeconfig`."""
    time_scale: float = Field(default=1.0, gt=0)
    """Seconds of the world per real second; other than 1 only against a simulator that runs fast."""
    install_usual: float = Field(default=284.0, gt=0)
    """Seconds that an extension's installation usually takes, until this run has seen its own.

    The default is a recorded one of 4 min 44 s."""
    request_timeout: float = Field(default=30.0, gt=0)
    """Seconds of the world that a single request may take."""

    @property
    def arm(self) -> str:
        """Azure Resource Manager's address."""
        return (self.arm_endpoint or CLOUDS[self.cloud][0]).rstrip("/")

    @property
    def place(self) -> str:
        """What names of things that are kept about this Azure end in: nothing for Azure itself, else the address.

        A Prefect server may serve a fleet and its rehearsals: what one keeps of passwords and approvals is not to be
        taken for the other's.
        """
        if self.arm in {endpoint for endpoint, _ in CLOUDS.values()}:
            return ""
        return re.sub(r"[^a-z0-9]", "_", f"_at_{urlsplit(self.arm).netloc}".lower())

    @property
    def authority(self) -> str:
        """The host that signs in."""
        return CLOUDS[self.cloud][1]

    @property
    def arm_scope(self) -> str:
        """The scope of tokens for Azure Resource Manager."""
        return f"{CLOUDS[self.cloud][0]}/.default"

    @model_validator(mode="after")
    def _rehearsals_stay_on_this_machine(self) -> Settings:
        arm = self.arm_endpoint
        if arm and urlsplit(arm).scheme != "https" and not is_loopback(arm):
            raise ValueError(f"ARCFLEET_ARM_ENDPOINT {arm} must be https, or a loopback address")
        if self.registry_endpoint and not is_loopback(self.registry_endpoint):
            # It is sent the token for Azure.
            raise ValueError(f"ARCFLEET_REGISTRY_ENDPOINT {self.registry_endpoint} must be a loopback address")
        if self.credential == "none" and not (self.arm_endpoint and is_loopback(self.arm_endpoint)):
            raise ValueError("ARCFLEET_CREDENTIAL=none needs ARCFLEET_ARM_ENDPOINT at a loopback address")
        return self


def is_loopback(url: str) -> bool:
    """Tell whether a URL's host is this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
