using System.Text.Json.Serialization;

namespace VirtuaLinux.Model;

/// <summary>What a node knows of the origin that its root stands on.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<OriginState>))]
public enum OriginState
{
    /// <summary>Every block that was read since the node started was what the image's hash tree says.</summary>
    [JsonStringEnumMemberName("verified")]
    Verified,

    /// <summary>A block that was read was not what the hash tree says: the SAN or the path to it loses data. Whoever read it got an I/O error.</summary>
    [JsonStringEnumMemberName("corrupt")]
    Corrupt,

    /// <summary>The image has no hash tree: nothing is checked.</summary>
    [JsonStringEnumMemberName("unprotected")]
    Unprotected,
}
