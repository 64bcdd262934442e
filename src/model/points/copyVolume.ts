/** The VolumeId of every copied snapshot: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopySnapshot.html */
export const COPY_VOLUME = 'vol-ffffffff';
