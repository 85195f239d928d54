using System.Text.Json.Serialization;

namespace VirtuaLinux.Model;

/// <summary>How nodes reach a SAN.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<SanTransport>))]
public enum SanTransport
{
    /// <summary>iSCSI (RFC 7143): a target and its LUNs.</summary>
    [JsonStringEnumMemberName("iscsi")]
    Iscsi,

    /// <summary>NVMe over TCP (NVM Express, TCP Transport Specification): a subsystem and its namespaces.</summary>
    [JsonStringEnumMemberName("nvme-tcp")]
    NvmeTcp,
}
