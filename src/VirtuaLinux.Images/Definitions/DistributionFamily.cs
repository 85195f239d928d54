using System.Text.Json.Serialization;

namespace VirtuaLinux.Images.Definitions;

/// <summary>Distributions of a family have the same package format and put their files in the same places.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<DistributionFamily>))]
public enum DistributionFamily
{
    /// <summary>Debian, Ubuntu: dpkg.</summary>
    [JsonStringEnumMemberName("debian")]
    Debian,

    /// <summary>CentOS Stream, Rocky, AlmaLinux, Fedora: rpm, by dnf.</summary>
    [JsonStringEnumMemberName("redhat")]
    RedHat,

    /// <summary>openSUSE, SLES: rpm, by zypper.</summary>
    [JsonStringEnumMemberName("suse")]
    Suse,
}
